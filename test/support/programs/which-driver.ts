/** Says which driver `auto` takes, that it works, and what asking for io_uring by name says. */

import { CompletionPort, OperationError } from 'overlapped';
import { echoOnce } from '../echo-once.js';

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

const { port, echoed } = await echoOnce('auto');
const { driver, passedOver } = port;
console.log(JSON.stringify({ auto: { driver, passedOver, echoed }, named: byName() }));
