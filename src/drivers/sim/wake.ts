/** Waking a port on a simulated network: by a number, from the thread that it lives in. */

import { threadId } from 'node:worker_threads';
import { OperationError } from '../error.js';

/** Numbers of two threads differ, so that one thread's is nobody's in another. */
const NUMBERS_PER_THREAD = 2 ** 32;

const wakers = new Map<number, () => void>();
let last = threadId * NUMBERS_PER_THREAD;

/** Registers a port; returns its number. */
export function addWaker(wake: () => void): number {
  last++;
  wakers.set(last, wake);
  return last;
}

export function removeWaker(descriptor: number): void {
  wakers.delete(descriptor);
}

/** @throws OperationError `ENOTSUP` in another thread than the port's */
export function wakeSimulated(descriptor: number): void {
  const wake = wakers.get(descriptor);
  if (wake === undefined) {
    throw new OperationError({
      code: 'ENOTSUP',
      reason: 'A simulated network lives in one thread, and this is another',
      syscall: 'wakeUp',
    });
  }
  wake();
}
