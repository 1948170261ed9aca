/**
 * Ends threads while they load the library. Arguments: `terminate` (workers of the program's own, at random moments), how
 * many; or `exit` (the process, with the threads of a server), after how many ms, which driver.
 */

import { Worker } from 'node:worker_threads';
import { listen } from 'overlapped';
import { programPath } from '../child.js';

const [what, first, driver = 'auto'] = process.argv.slice(2);
const number = Number(first);

/** About the time that a worker takes to load everything. */
const LOADING_MS = 40;

async function terminateWhileLoading(): Promise<void> {
  for (let index = 0; index < number; index++) {
    const begun = new Int32Array(new SharedArrayBuffer(4));
    const worker = new Worker(programPath('loading-worker'), { workerData: begun });
    while (Atomics.load(begun, 0) === 0) {
      await new Promise(setImmediate);
    }
    // Spread over the whole time.
    const until = performance.now() + (LOADING_MS * (index % 40)) / 40 + Math.random();
    while (performance.now() < until) {
      // Only time passes.
    }
    await worker.terminate();
  }
}

if (what === 'terminate') {
  await terminateWhileLoading();
} else {
  setTimeout(() => process.exit(3), number);
  await listen({ host: '127.0.0.1', port: 0, threads: 4, driver, module: programPath('echo-handlers') });
}
