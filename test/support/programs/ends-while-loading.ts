/**
 * Ends threads while they load the library. Arguments: `terminate` (workers of the program's own, at moments spread over the
 * time that loading takes), how many; `exit` (the process, with the threads of a server), after how many ms, which driver;
 * `measure` (prints how many ms such a server takes to start), which driver.
 */

import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { type DriverChoice, listen, type ThreadedServer } from 'overlapped';
import { programPath } from '../child.js';

const [what, first = '', second] = process.argv.slice(2);

/** Loaded completely before any is terminated. */
const MEASURED = 4;
/** A thread that others keep waiting takes longer than it did when it was measured. */
const LONGER = 1.3;

/** Resolves when the worker begins to load. */
async function startLoading(): Promise<Worker> {
  const begun = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(programPath('loading-worker'), { workerData: begun });
  while (Atomics.load(begun, 0) === 0) {
    await sleep(1);
  }
  return worker;
}

async function terminateWhileLoading(count: number): Promise<void> {
  let tookMs = 0;
  for (let index = 0; index < MEASURED; index++) {
    const worker = await startLoading();
    const start = performance.now();
    await once(worker, 'exit');
    tookMs = performance.now() - start;
  }
  for (let index = 0; index < count; index++) {
    const worker = await startLoading();
    const until = performance.now() + (LONGER * tookMs * index) / count;
    while (performance.now() < until) {
      // Only time passes: a timer would be too coarse.
    }
    await worker.terminate();
  }
}

function serve(driver: DriverChoice): Promise<ThreadedServer> {
  return listen({ host: '127.0.0.1', port: 0, threads: 2, driver, module: programPath('echo-handlers') });
}

if (what === 'terminate') {
  await terminateWhileLoading(Number(first));
} else if (what === 'exit') {
  setTimeout(() => process.exit(3), Number(first));
  await serve(second as DriverChoice);
} else {
  const start = performance.now();
  const server = await serve(first as DriverChoice);
  console.log(performance.now() - start);
  await server.close();
}
