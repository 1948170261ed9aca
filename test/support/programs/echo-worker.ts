/** A worker with an echo server, in its event loop or blocking, until a wake-up ends it. */

import { parentPort, workerData } from 'node:worker_threads';
import type { Completion, CompletionPortOptions } from 'overlapped/port';
import { LoopEcho } from '../loop-echo.js';

const { options, mode } = workerData as { options: CompletionPortOptions; mode: 'start' | 'run' };
const echo = new LoopEcho(options);
parentPort?.postMessage({ number: echo.number, handle: echo.port.wakeHandle });

if (mode === 'run') {
  echo.port.run((completion: Completion) => {
    if (completion.kind === 'wakeUp') {
      echo.port.stop();
    } else {
      echo.handler(completion);
    }
  });
  echo.port.close();
} else {
  echo.before = (completion) => {
    if (completion.kind === 'wakeUp') {
      echo.port.close();
    }
  };
  echo.start();
}
