/** A worker with an echo server in its event loop, which ends by itself on request. */

import { parentPort, workerData } from 'node:worker_threads';
import type { CompletionPortOptions } from 'overlapped/port';
import { LoopEcho } from '../loop-echo.js';

const { options } = workerData as { options: CompletionPortOptions };
const echo = new LoopEcho(options).start();

parentPort?.once('message', (how: 'return' | 'throw' | 'exit') => {
  if (how === 'throw') {
    throw new Error('Thrown on demand');
  }
  if (how === 'exit') {
    process.exit(0);
  }
  // Nothing else keeps the worker alive.
  echo.port.unref();
});
parentPort?.postMessage(echo.number);
