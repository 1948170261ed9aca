/** Waking a port from any thread of the process. */

import { OperationError } from '../base/errors.js';
import { performanceNow } from '../base/runtime.js';
import { wakePort } from '../drivers/choose.js';
import type { DriverName } from '../drivers/driver.js';

/** Indexes into the state that threads share. */
const CLOSED = 0;
const WAKING = 1;

/**
 * How long closing waits for threads inside `postWakeUp`, in ms. A call takes microseconds, but a worker that is terminated
 * during one never decrements the count.
 */
const WAKING_MS_MAX = 250;

/** Wakes a port from another thread: post it to a worker, and pass it to `postWakeUp` there. */
export interface WakeHandle {
  /** The driver of the port. */
  readonly driver: DriverName;
  /** The descriptor or handle that wakes the port. */
  readonly descriptor: number;
  /** Whether the port is open, shared by all threads. */
  readonly state: SharedArrayBuffer;
}

export function createWakeHandle(driver: DriverName, descriptor: number): WakeHandle {
  return { driver, descriptor, state: new SharedArrayBuffer(8) };
}

/**
 * Posts a wake-up to the port of `handle`, from any thread: the port's next dequeue returns a completion of kind `wakeUp`.
 * Wake-ups that were not dequeued yet may be merged into one completion, with their number as its `bytes`.
 * @throws OperationError `EBADF` when the port is closed
 */
export function postWakeUp(handle: WakeHandle): void {
  const state = new Int32Array(handle.state);
  // The port's thread waits for this count before it closes the descriptor, so its number cannot be reused meanwhile.
  Atomics.add(state, WAKING, 1);
  try {
    if (Atomics.load(state, CLOSED) === 1) {
      throw new OperationError({ code: 'EBADF', reason: 'The port is closed', syscall: 'wakeUp' });
    }
    wakePort(handle.driver, handle.descriptor);
  } finally {
    Atomics.sub(state, WAKING, 1);
    Atomics.notify(state, WAKING);
  }
}

/** Disables wake-ups. Returns when no thread is inside `postWakeUp`, or after WAKING_MS_MAX. */
export function closeWakeHandle(handle: WakeHandle): void {
  const state = new Int32Array(handle.state);
  Atomics.store(state, CLOSED, 1);
  const deadline = performanceNow() + WAKING_MS_MAX;
  for (let waking = Atomics.load(state, WAKING); waking > 0; waking = Atomics.load(state, WAKING)) {
    if (performanceNow() > deadline) {
      return;
    }
    Atomics.wait(state, WAKING, waking, 1);
  }
}
