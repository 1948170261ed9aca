/** One echo on a port of its own: that a driver works. */

import type { CompletionPort, DriverChoice } from 'overlapped/port';
import { eventually } from './harness.js';
import { LoopEcho } from './loop-echo.js';
import { connectNode } from './node-client.js';

/** @returns the closed port, and the echoed bytes */
export async function echoOnce(
  driver: DriverChoice,
): Promise<{ readonly port: CompletionPort; readonly echoed: string }> {
  const echo = new LoopEcho({ driver }).start();
  const client = await connectNode(echo.number);
  client.socket.write('ping');
  await eventually(() => client.bytes === 4, 'the echo');
  client.socket.destroy();
  echo.port.close();
  return { port: echo.port, echoed: client.data.toString() };
}
