/** Says which driver `auto` takes, that it works, and what asking for io_uring by name says. */

import { CompletionPort, OperationError } from 'overlapped';
import { eventually } from '../harness.js';
import { LoopEcho } from '../loop-echo.js';
import { connectNode } from '../node-client.js';

function byName(): { code: string; message: string } | undefined {
  try {
    CompletionPort.create({ driver: 'io_uring' }).close();
    return undefined;
  } catch (error) {
    if (error instanceof OperationError) {
      return { code: error.code, message: error.message };
    }
    throw error;
  }
}

const echo = new LoopEcho({ driver: 'auto' }).start();
const { driver, passedOver } = echo.port;
const client = await connectNode(echo.number);
client.socket.write('ping');
await eventually(() => client.bytes === 4, 'the echo');
client.socket.destroy();
echo.port.close();
console.log(JSON.stringify({ auto: { driver, passedOver, echoed: client.data.toString() }, named: byName() }));
