/**
 * Wakes Node's event loop from a thread that waits, for systems without a descriptor that the loop could watch, and
 * wherever watching a descriptor does not work. Until the thread has loaded, and if it cannot be started, a timer
 * polls.
 */

import { assert } from '../../base/assert.js';
import { clearTimeout, process, setTimeout } from '../../base/runtime.js';
import type { BlockingCall } from '../../ffi/blocking-calls.js';
import type { LoopWatch } from '../driver.js';
import { BlockingThread, type BlockingThreadOwner } from './blocking-thread.js';

/**
 * Maximum wait of one system call, in ms. A thread in a system call can be neither terminated nor left by
 * `process.exit()`, so a longer wait is several calls with JavaScript in between. A worker ends only after its waiting
 * thread has returned.
 */
export const WAIT_MS_MAX = 1000;

/** Interval at which a parked port is polled while its thread starts, in ms. */
const POLL_MS = 1;

/** The same if the thread cannot be started. */
const POLL_WITHOUT_THREAD_MS = 10;

/** Polls before the thread is started: many ports are closed before a thread could have started. */
const POLLS_FIRST = 16;

/** The blocking call that a ThreadWatch makes on its thread. */
export interface ThreadWait {
  readonly call: BlockingCall;
  /** Whether a call of an earlier watch has not ended yet, so that no other call may begin. */
  readonly busy: boolean;
  /** Returns the parameters of a call that begins now. The memory that they point to must not change until `ended`. */
  begin(timeoutMs: number, thread: BlockingThread): readonly number[];
  /** Ends the wait, or the next one. */
  interrupt(): void;
  /** Whether the running call waits for the wrong things by now. */
  stale(): boolean;
  /** The call has ended, possibly interrupted. */
  ended(): void;
  /** No other call follows. */
  close(): void;
}

/** Watches whose thread may be in a call. */
const waiting = new Set<ThreadWatch>();

/** Interrupts all waits: a process or worker that exits joins its threads. */
function endAll(): void {
  for (const thread of waiting) {
    thread.exiting();
  }
}

/** LoopWatch by a thread that waits. */
export class ThreadWatch implements LoopWatch, BlockingThreadOwner {
  readonly #kind: string;
  readonly #wait: ThreadWait;
  readonly #onReady: () => void;
  #thread: BlockingThread | undefined;
  #timer: NodeJS.Timeout | undefined;
  #polls = 0;
  /** Why there is no thread. */
  #failure: string | undefined;
  #referenced = true;
  #running = false;
  #closed = false;

  constructor(kind: string, wait: ThreadWait, onReady: () => void) {
    this.#kind = kind;
    this.#wait = wait;
    this.#onReady = onReady;
  }

  get kind(): string {
    return this.#failure === undefined
      ? this.#kind
      : `a poll every ${POLL_WITHOUT_THREAD_MS} ms, because there is no waiting thread: ${this.#failure}`;
  }

  arm(): void {
    assert(!this.#closed);
    if (this.#running) {
      if (this.#wait.stale()) {
        this.#wait.interrupt();
      }
    } else if (this.#thread?.loaded === true && !this.#wait.busy) {
      this.#running = true;
      this.#thread.start(this.#wait.begin(WAIT_MS_MAX, this.#thread));
    } else {
      this.#pollLater();
    }
  }

  #pollLater(): void {
    if (this.#timer === undefined) {
      const delayMs = this.#failure === undefined ? POLL_MS : POLL_WITHOUT_THREAD_MS;
      this.#timer = setTimeout(() => this.#poll(), delayMs);
      if (!this.#referenced) {
        this.#timer.unref();
      }
    }
  }

  #poll(): void {
    this.#timer = undefined;
    if (++this.#polls === POLLS_FIRST) {
      this.#startThread();
    }
    this.#onReady();
  }

  #startThread(): void {
    if (waiting.size === 0) {
      process.on('exit', endAll);
    }
    waiting.add(this);
    try {
      this.#thread = new BlockingThread(this.#wait.call, this);
    } catch (error) {
      this.threadFailed((error as Error).message);
      return;
    }
    this.#showReference();
  }

  threadLoaded(): void {
    this.#stopPolling();
    this.#onReady();
  }

  threadFailed(reason: string): void {
    this.#thread = undefined;
    this.#failure = reason;
    if (this.#running) {
      this.callEnded(-1);
    } else {
      this.#forget();
    }
  }

  callEnded(result: number): void {
    this.#running = false;
    this.#wait.ended();
    if (this.#closed) {
      this.#end();
    } else if (result === 0 && !this.#wait.stale()) {
      this.arm();
    } else {
      this.#onReady();
    }
  }

  interrupt(): void {
    this.#wait.interrupt();
  }

  ref(): void {
    this.#referenced = true;
    this.#showReference();
  }

  unref(): void {
    this.#referenced = false;
    this.#showReference();
  }

  #showReference(): void {
    if (this.#referenced) {
      this.#thread?.ref();
      this.#timer?.ref();
    } else {
      this.#thread?.unref();
      this.#timer?.unref();
    }
  }

  #stopPolling(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  close(): void {
    assert(!this.#closed);
    this.#closed = true;
    this.#stopPolling();
    if (this.#running) {
      // Keeps the event loop running until the call has ended, so that the call's resources are closed.
      this.#thread?.ref();
      this.#wait.interrupt();
    } else {
      this.#end();
    }
  }

  #end(): void {
    this.#thread?.close();
    this.#thread = undefined;
    this.#wait.close();
    this.#forget();
  }

  /** The process or this worker exits. */
  exiting(): void {
    if (this.#running) {
      this.#wait.interrupt();
    }
    this.#thread?.forbidCalls();
  }

  #forget(): void {
    if (waiting.delete(this) && waiting.size === 0) {
      process.off('exit', endAll);
    }
  }
}
