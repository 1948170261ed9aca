/**
 * Looks after the workers that this thread starts, ours and the program's. It stops none inside koffi, which would end the
 * process, and gives back the descriptors and memory that a dead one has left. It does nothing for workers that were
 * started before this thread loaded the library.
 */

import { isMainThread, type Worker } from 'node:worker_threads';
import { process } from '../../base/runtime.js';
import { adoptWorker, buryWorker, holdAll, holdWorker } from '../../ffi/worker-table.js';
import { ResourceTracker } from './resources.js';

/** Gives back what a dead thread has left. */
export type Reclaim = (ledger: ResourceTracker, thread: number) => void;

const KEY = Symbol.for('overlapped.guardian.1');

/** Looks after all workers that this thread starts from now on. Of several copies of the package, the first one does. */
export function guardWorkers(reclaim: Reclaim): void {
  const registry = globalThis as { [KEY]?: true };
  if (registry[KEY] !== undefined) {
    return;
  }
  registry[KEY] = true;
  const children = new Set<number>();
  // Node emits it once a worker was made, for those of this thread (process, "Event: 'worker'").
  process.on('worker', (worker) => {
    const { threadId } = worker;
    children.add(threadId);
    adoptWorker(threadId);
    stopGently(worker, threadId);
    worker.once('exit', () => {
      children.delete(threadId);
      reclaimWorker(threadId, reclaim);
    });
  });
  // Node stops the workers of a thread that ends after this event.
  process.on('exit', () => {
    if (isMainThread) {
      holdAll();
    } else {
      children.forEach(holdWorker);
    }
  });
}

/** Gives back what a dead worker, and those that it had started, have left. Does nothing the second time. */
export function reclaimWorker(thread: number, reclaim: Reclaim): void {
  buryWorker(thread, (owner, notes) => reclaim(new ResourceTracker(notes), owner));
}

/** The first thing that we learn of its end would be the end itself, so the call that ends it is replaced. */
function stopGently(worker: Worker, thread: number): void {
  const { terminate } = worker;
  Object.defineProperty(worker, 'terminate', {
    configurable: true,
    writable: true,
    value: (...parameters: Parameters<Worker['terminate']>): Promise<number> => {
      holdWorker(thread);
      return terminate.apply(worker, parameters);
    },
  });
}

/** A worker of ours was made: its sockets are looked for when it has died, also those that it was handed. */
export function guardThread(thread: number): void {
  const notes = adoptWorker(thread);
  if (notes !== undefined) {
    new ResourceTracker(notes).marked();
  }
}
