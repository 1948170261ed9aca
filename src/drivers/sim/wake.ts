/** Waking a port on a simulated network: by a number, from the thread that it lives in. */

import { threadId } from 'node:worker_threads';
import { OperationError } from '../../base/errors.js';
import { sharedByCopies } from '../../base/shared-by-copies.js';

/** Numbers of two threads differ, so that one thread's is nobody's in another. */
const NUMBERS_PER_THREAD = 2 ** 32;

/** Shared, so that a number means one port, whichever copy of the package posts the wake-up. */
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

/** @throws OperationError `ENOTSUP` in another thread than the port's */
export function wakeSimulated(descriptor: number): void {
  const wake = wakers.byNumber.get(descriptor);
  if (wake === undefined) {
    throw new OperationError({
      code: 'ENOTSUP',
      reason: 'A simulated network lives in one thread, and this is another',
      syscall: 'wakeUp',
    });
  }
  wake();
}
