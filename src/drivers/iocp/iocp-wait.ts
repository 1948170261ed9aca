/** How a completion port wakes Node's event loop: a thread of ours dequeues while the loop has nothing to do. */

import type { BlockingThread } from '../common/blocking-thread.js';
import type { ThreadWait } from '../common/waiting-thread.js';
import { ENTRIES_MAX, Entries, INTERRUPT_KEY, type NativePort, postPacket } from './completion-port.js';

/** How long to wait for the thread to return, in ms; it needs microseconds, once it has begun. */
const RETURN_MS_MAX = 100;

/**
 * The thread's dequeuing. There is one for the port's whole life: what the thread has taken is the driver's to deliver,
 * also when the port was stopped meanwhile, or started again.
 */
export class IocpWait implements ThreadWait {
  readonly call = 'GetQueuedCompletionStatusEx';
  readonly #entries = new Entries();
  readonly #port: NativePort;
  /** The one that made the last call: each watch has its own. */
  #thread: BlockingThread | undefined;
  #portCloses = false;
  #portClosed = false;

  constructor(port: NativePort) {
    this.#port = port;
  }

  begin(timeoutMs: number, thread: BlockingThread): readonly number[] {
    this.#thread = thread;
    this.#entries.clear();
    const { address, countAddress } = this.#entries;
    return [this.#port.handle, address, ENTRIES_MAX, countAddress, timeoutMs, 0];
  }

  /** Whether a thread may take entries at this moment. */
  get busy(): boolean {
    return this.#thread?.calling === true;
  }

  /** What the thread has taken; undefined while it is at it, and when that was nothing. */
  get taken(): Entries | undefined {
    return this.busy || this.#entries.count === 0 ? undefined : this.#entries;
  }

  /** What was taken is delivered. */
  delivered(): void {
    this.#entries.clear();
  }

  interrupt(): void {
    postPacket(this.#port.handle, INTERRUPT_KEY);
  }

  /** Completions come to the port whenever they were posted. */
  stale(): boolean {
    return false;
  }

  ended(): void {
    if (this.#portCloses) {
      this.#closeWhenFree();
    }
  }

  close(): void {}

  /** Has the thread return. */
  recall(): void {
    if (this.busy) {
      this.interrupt();
      this.#thread?.join(RETURN_MS_MAX);
    }
  }

  /** Closes the port when the thread is out of it: the number of a closed handle may be another's at once. */
  closePort(): void {
    this.#portCloses = true;
    this.recall();
    this.#closeWhenFree();
  }

  #closeWhenFree(): void {
    if (!this.busy && !this.#portClosed) {
      this.#portClosed = true;
      this.#port.close();
    }
  }
}
