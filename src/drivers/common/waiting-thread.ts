/**
 * Waking Node's event loop from a thread that waits: for what has no descriptor that the loop could watch, and wherever
 * the loop's own watch does not work. Until the thread is there, and where there can be none, a timer looks.
 */

import { assert } from '../../base/assert.js';
import { clearTimeout, process, setTimeout } from '../../base/runtime.js';
import type { BlockingCall } from '../../ffi/blocking-calls.js';
import type { LoopWatch } from '../driver.js';
import { BlockingThread, type BlockingThreadOwner } from './blocking-thread.js';

/**
 * The longest single wait in a system call, in ms. A thread in one can be neither terminated nor left by `process.exit()`, so a
 * longer wait is many of these, with JavaScript between them; a worker ends only when its waiting thread has returned.
 */
export const WAIT_MS_MAX = 1000;

/** How long a port that is parked goes without a look while its thread starts, in ms. */
const LOOK_MS = 1;

/** The same when there is no thread and will be none. */
const LOOK_WITHOUT_THREAD_MS = 10;

/** Looks before the thread is started: many ports live shorter than a thread takes to start. */
const LOOKS_FIRST = 16;

/** A blocking call that waits. */
export interface ThreadWait {
  readonly call: BlockingCall;
  /** A call of an earlier watch has not ended yet, and no other may begin. */
  readonly busy: boolean;
  /** Parameters for a call that begins now. What they point to stays as it is until `ended`. */
  begin(timeoutMs: number, thread: BlockingThread): readonly number[];
  /** Ends the wait, or the next one. */
  interrupt(): void;
  /** Whether what the running wait looks at is out of date. */
  stale(): boolean;
  /** The wait is over and was perhaps interrupted. */
  ended(): void;
  /** There will be no other wait. */
  close(): void;
}

/** Those whose thread may be doing something. */
const waiting = new Set<WaitingThread>();

/** A process or worker that exits joins its threads: none may go on waiting then. */
function endAll(): void {
  for (const thread of waiting) {
    thread.exiting();
  }
}

/** LoopWatch by a waiting thread. */
export class WaitingThread implements LoopWatch, BlockingThreadOwner {
  readonly #kind: string;
  readonly #wait: ThreadWait;
  readonly #onReady: () => void;
  #thread: BlockingThread | undefined;
  #timer: NodeJS.Timeout | undefined;
  #looks = 0;
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
      : `a look every ${LOOK_WITHOUT_THREAD_MS} ms, because there is no waiting thread: ${this.#failure}`;
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
      this.#lookLater();
    }
  }

  #lookLater(): void {
    if (this.#timer === undefined) {
      const delayMs = this.#failure === undefined ? LOOK_MS : LOOK_WITHOUT_THREAD_MS;
      this.#timer = setTimeout(() => this.#look(), delayMs);
      if (!this.#referenced) {
        this.#timer.unref();
      }
    }
  }

  #look(): void {
    this.#timer = undefined;
    if (++this.#looks === LOOKS_FIRST) {
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
    this.#stopLooking();
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

  #stopLooking(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  close(): void {
    assert(!this.#closed);
    this.#closed = true;
    this.#stopLooking();
    if (this.#running) {
      // The loop goes on until the call has ended, so that what it uses is given back.
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

  /** At the end of the process, or of this worker. */
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
