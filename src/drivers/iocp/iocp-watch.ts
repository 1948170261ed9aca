/** How a completion port wakes Node's event loop: a thread of libuv's pool dequeues while the loop has nothing to do. */

import { kernel32 } from '../../ffi/windows/kernel32.js';
import type { LoopWatch } from '../driver.js';
import { type ThreadWait, WaitingThread } from '../waiting-thread.js';
import { ENTRIES_MAX, Entries, INTERRUPT_KEY, type NativePort, postPacket } from './completion-port.js';

/** How long to wait for the thread to return, in ms; it needs microseconds. */
const RETURN_MS_MAX = 100;

export class IocpWatch implements LoopWatch {
  readonly #wait: IocpWait;
  readonly #thread: WaitingThread;

  constructor(port: NativePort, onReady: () => void) {
    this.#wait = new IocpWait(port);
    this.#thread = new WaitingThread('a waiting thread in GetQueuedCompletionStatusEx', this.#wait, onReady);
  }

  /** What the thread has dequeued: the driver's to deliver. */
  get entries(): Entries {
    return this.#wait.entries;
  }

  get kind(): string {
    return this.#thread.kind;
  }

  arm(): void {
    this.#thread.arm();
  }

  ref(): void {
    this.#thread.ref();
  }

  unref(): void {
    this.#thread.unref();
  }

  /** Has the thread return; what it has dequeued is in `entries`. */
  recall(): void {
    this.#wait.recall();
  }

  close(): void {
    this.#thread.close();
    this.#wait.recall();
  }
}

class IocpWait implements ThreadWait {
  readonly entries = new Entries();
  readonly #port: NativePort;
  #running = false;

  constructor(port: NativePort) {
    this.#port = port;
  }

  start(timeoutMs: number, done: () => void): void {
    const { address, countAddress } = this.entries;
    this.#running = true;
    kernel32().GetQueuedCompletionStatusEx.async(
      this.#port.handle,
      address,
      ENTRIES_MAX,
      countAddress,
      timeoutMs,
      0,
      done,
    );
  }

  interrupt(): void {
    postPacket(this.#port.handle, INTERRUPT_KEY);
  }

  /** Completions come to the port whenever they were posted. */
  stale(): boolean {
    return false;
  }

  ended(): void {
    this.#running = false;
  }

  close(): void {}

  recall(): void {
    if (!this.#running || this.entries.count > 0) {
      return;
    }
    this.interrupt();
    const nap = new Int32Array(new SharedArrayBuffer(4));
    const deadline = performance.now() + RETURN_MS_MAX;
    while (this.entries.count === 0 && performance.now() < deadline) {
      Atomics.wait(nap, 0, 0, 1);
    }
  }
}
