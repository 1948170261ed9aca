/**
 * Guards the workers that this thread starts, ours and the program's: none is terminated inside koffi, which would end
 * the process, and the descriptors and memory of a dead worker are reclaimed. Workers that were started before this
 * thread loaded the library are not guarded.
 */

import { isMainThread, type Worker } from 'node:worker_threads';
import { process } from '../../base/runtime.js';
import { sharedByCopies } from '../../base/shared-by-copies.js';
import { freeObjectsOfDead } from '../../ffi/openssl-objects.js';
import { adoptWorker, buryWorker, holdAll, holdWorker } from '../../ffi/worker-table.js';
import { ResourceTracker } from './resources.js';

/** Reclaims the resources of a dead thread. */
export type Reclaim = (resources: ResourceTracker, thread: number) => void;

const guardian = sharedByCopies('guardian:1', () => ({ isActive: false }));

/**
 * Guards all workers that this thread starts from now on. Of several copies of the package, only the first one does.
 */
export function guardWorkers(reclaim: Reclaim): void {
  if (guardian.isActive) {
    return;
  }
  guardian.isActive = true;
  const children = new Set<number>();
  // Node emits this event after a worker of this thread was created (process, "Event: 'worker'").
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
  // Node terminates the workers of an ending thread after this event.
  process.on('exit', () => {
    if (isMainThread) {
      holdAll();
    } else {
      children.forEach(holdWorker);
    }
  });
}

/** Reclaims the resources of a dead worker and of the workers that it had started. Does nothing the second time. */
export function reclaimWorker(thread: number, reclaim: Reclaim): void {
  buryWorker(thread, (owner, notes) => {
    const resources = new ResourceTracker(notes);
    reclaim(resources, owner);
    resources.lists.forEach(freeObjectsOfDead);
  });
}

/** Replaces `terminate`, because no event comes before a worker is terminated. */
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

/** Guards a worker of ours: if it dies, its sockets are closed, including those that other threads gave it. */
export function guardThread(thread: number): void {
  const notes = adoptWorker(thread);
  if (notes !== undefined) {
    new ResourceTracker(notes).ownsSockets();
  }
}
