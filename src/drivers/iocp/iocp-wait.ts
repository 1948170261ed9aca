/** How a completion port wakes Node's event loop: a thread of libuv's pool dequeues while the loop has nothing to do. */

import { kernel32 } from '../../ffi/windows/kernel32.js';
import { performanceNow } from '../../runtime.js';
import type { ThreadWait, WaitDone } from '../waiting-thread.js';
import { ENTRIES_MAX, Entries, INTERRUPT_KEY, type NativePort, postPacket } from './completion-port.js';

/** How long to wait for the thread to return, in ms; it needs microseconds, once it has begun. */
const RETURN_MS_MAX = 100;

/**
 * The thread's dequeuing. There is one for the port's whole life: what the thread has taken is the driver's to deliver,
 * also when the port was stopped meanwhile, or started again.
 */
export class IocpWait implements ThreadWait {
  readonly entries = new Entries();
  readonly #port: NativePort;
  /** Called by the event loop when the call is over; undefined when there is none. */
  #done: WaitDone | undefined;
  /** Whether the thread may take entries: until the loop says so, or `entries` do, the call is not over. */
  waits = false;
  #portCloses = false;

  constructor(port: NativePort) {
    this.#port = port;
  }

  start(timeoutMs: number, done: WaitDone): void {
    const earlier = this.#done;
    this.#done = done;
    if (earlier !== undefined) {
      // A call of an earlier watch was told to return, and now says so to this one.
      return;
    }
    this.waits = true;
    this.entries.clear();
    const { address, countAddress } = this.entries;
    const ended: WaitDone = (error, result) => this.#callEnded(error, result);
    const { handle } = this.#port;
    kernel32().GetQueuedCompletionStatusEx.async(handle, address, ENTRIES_MAX, countAddress, timeoutMs, 0, ended);
  }

  #callEnded(error: unknown, result: unknown): void {
    const done = this.#done;
    this.#done = undefined;
    if (this.#portCloses && this.waits) {
      this.#port.close();
    }
    this.waits = false;
    done?.(error, result);
  }

  /** What was in `entries` is delivered. */
  delivered(): void {
    this.waits = false;
    this.entries.clear();
  }

  interrupt(): void {
    postPacket(this.#port.handle, INTERRUPT_KEY);
  }

  /** Completions come to the port whenever they were posted. */
  stale(): boolean {
    return false;
  }

  ended(): void {}

  close(): void {}

  /** Has the thread return; what it has dequeued is in `entries`. */
  recall(): void {
    if (!this.waits || this.entries.count > 0) {
      return;
    }
    this.interrupt();
    const nap = new Int32Array(new SharedArrayBuffer(4));
    const deadline = performanceNow() + RETURN_MS_MAX;
    while (this.entries.count === 0 && performanceNow() < deadline) {
      Atomics.wait(nap, 0, 0, 1);
    }
  }

  /** Closes the port when the thread is out of it: the number of a closed handle may be another's at once. */
  closePort(): void {
    this.#portCloses = true;
    if (this.waits) {
      this.interrupt();
    } else {
      this.#port.close();
    }
  }
}
