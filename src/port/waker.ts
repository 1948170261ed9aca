/** Waking a port from any thread of the process. */

import { OperationError } from '../base/errors.js';
import { performanceNow } from '../base/runtime.js';
import { wakePort } from '../drivers/choose.js';
import type { DriverName } from '../drivers/driver.js';

/** Words of the state that threads share. */
const CLOSED = 0;
const WAKING = 1;

/**
 * How long closing waits for threads inside `postWakeUp`, in ms. They are there for microseconds, but a worker that is
 * terminated there never counts itself out.
 */
const WAKING_MS_MAX = 250;

/** What another thread needs to wake a port: post it to a worker as it is. */
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
 * Posts a wake-up to the port that `handle` belongs to, from any thread: its next dequeue brings a completion of kind
 * `wakeUp`. Wake-ups that were not yet dequeued may come as one, with their number as its bytes.
 * @throws OperationError `EBADF` when the port is closed
 */
export function postWakeUp(handle: WakeHandle): void {
  const state = new Int32Array(handle.state);
  // The port's thread waits for this count before it closes the descriptor, so the number cannot become another's here.
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

/** Ends wake-ups: returns when no thread is in the middle of one, or seems to be for too long. */
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
