/** Wakes a port on a simulated network by a number, from the port's own thread. */

import { threadId } from 'node:worker_threads';
import { OperationError } from '../../base/errors.js';
import { sharedByCopies } from '../../base/shared-by-copies.js';

/** Threads use different numbers, so that a number of one thread is unknown in another. */
const NUMBERS_PER_THREAD = 2 ** 32;

/** Shared by all copies of the package, so that each number belongs to one port. */
const wakers = sharedByCopies('sim-wakers:1', () => ({
  last: threadId * NUMBERS_PER_THREAD,
  byNumber: new Map<number, () => void>(),
}));

/** Registers a port; returns its number. */
export function addWaker(wake: () => void): number {
  wakers.last++;
  wakers.byNumber.set(wakers.last, wake);
  return wakers.last;
}

export function removeWaker(descriptor: number): void {
  wakers.byNumber.delete(descriptor);
}

/** @throws OperationError `ENOTSUP` if the port is not one of this thread */
export function wakeSimulated(descriptor: number): void {
  const wake = wakers.byNumber.get(descriptor);
  if (wake === undefined) {
    throw new OperationError({
      code: 'ENOTSUP',
      reason: 'A simulated network can only be used in the thread that created it',
      syscall: 'wakeUp',
    });
  }
  wake();
}
