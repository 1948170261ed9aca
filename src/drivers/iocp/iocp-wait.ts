/** Wakes Node's event loop for a completion port: a waiting thread dequeues while the loop is idle. */

import type { BlockingThread } from '../common/blocking-thread.js';
import type { ThreadWait } from '../common/thread-watch.js';
import { ENTRIES_MAX, Entries, INTERRUPT_KEY, type NativePort, postPacket } from './completion-port.js';

/** Maximum wait for the thread to return, in ms; usually it takes microseconds. */
const RETURN_MS_MAX = 100;

/**
 * The dequeue call of the waiting thread. One for the lifetime of the port: the driver delivers the entries that the
 * thread has dequeued, even if the port was stopped or restarted in the meantime.
 */
export class IocpWait implements ThreadWait {
  readonly call = 'GetQueuedCompletionStatusEx';
  readonly #entries = new Entries();
  readonly #port: NativePort;
  /** The thread that made the last call: each watch has its own. */
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

  /** Whether a thread is in a dequeue call. */
  get busy(): boolean {
    return this.#thread?.calling === true;
  }

  /** The entries that the thread has dequeued; undefined if there are none, or the thread is in a call. */
  get taken(): Entries | undefined {
    return this.busy || this.#entries.count === 0 ? undefined : this.#entries;
  }

  /** The dequeued entries are delivered. */
  clear(): void {
    this.#entries.clear();
  }

  interrupt(): void {
    postPacket(this.#port.handle, INTERRUPT_KEY);
  }

  /** Never: the port gets every completion, whenever its operation was posted. */
  stale(): boolean {
    return false;
  }

  ended(): void {
    if (this.#portCloses) {
      this.#closeWhenFree();
    }
  }

  close(): void {}

  /** Interrupts the thread and waits until it has returned. */
  recall(): void {
    if (this.busy) {
      this.interrupt();
      this.#thread?.join(RETURN_MS_MAX);
    }
  }

  /** Closes the port once the thread has returned: the number of a closed handle may be reused immediately. */
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
