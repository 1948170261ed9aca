/**
 * Waking Node's event loop from a thread that waits: one call at a time on libuv's pool. It serves select, which has no
 * descriptor that the loop could watch, and any driver where the loop's own watch does not work.
 */

import process from 'node:process';
import { assert } from '../assert.js';
import { setTimeout } from '../runtime.js';
import type { LoopWatch } from './driver.js';

/**
 * The longest single wait. A worker that is terminated from outside is torn down only when its thread of the pool has
 * returned, so this bounds how long that takes; an idle port wakes up once in this time.
 */
export const WAIT_MS_MAX = 1000;

/** The same for a port that is not referenced: a process with nothing else to do ends within this time. */
const WAIT_UNREFERENCED_MS_MAX = 100;

/** Told how a call on a thread of the pool went: why it failed, or what it returned, which is 0 when its time was over. */
export type WaitDone = (error: unknown, result: unknown) => void;

/** One blocking wait on another thread. */
export interface ThreadWait {
  /** Starts waiting; calls `done` on this thread when it is over. */
  start(timeoutMs: number, done: WaitDone): void;
  /** Ends the wait, or the next one. */
  interrupt(): void;
  /** Whether what the running wait looks at is out of date. */
  stale(): boolean;
  /** The wait is over and was perhaps interrupted. */
  ended(): void;
  /** There will be no other wait. */
  close(): void;
}

const waiting = new Set<WaitingThread>();

/** A process that exits joins the threads of the pool: none may go on waiting. */
function interruptAll(): void {
  for (const thread of waiting) {
    thread.interrupt();
  }
}

/** LoopWatch by a waiting thread. */
export class WaitingThread implements LoopWatch {
  readonly kind: string;
  readonly #wait: ThreadWait;
  readonly #onReady: () => void;
  #referenced = true;
  #running = false;
  #closed = false;

  constructor(kind: string, wait: ThreadWait, onReady: () => void) {
    this.kind = kind;
    this.#wait = wait;
    this.#onReady = onReady;
    if (waiting.size === 0) {
      process.on('exit', interruptAll);
    }
    waiting.add(this);
  }

  arm(): void {
    assert(!this.#closed);
    if (!this.#running) {
      this.#running = true;
      const timeoutMs = this.#referenced ? WAIT_MS_MAX : WAIT_UNREFERENCED_MS_MAX;
      this.#wait.start(timeoutMs, (error, result) => this.#done(error === null && result === 0));
    } else if (this.#wait.stale()) {
      this.interrupt();
    }
  }

  #done(nothing: boolean): void {
    this.#running = false;
    this.#wait.ended();
    if (this.#closed) {
      this.#wait.close();
    } else if (nothing && this.#referenced && !this.#wait.stale()) {
      this.arm();
    } else if (this.#referenced) {
      this.#onReady();
    } else {
      // A request of the pool holds the loop and cannot be unreferenced; between two of them, this lets it end.
      setTimeout(() => this.#closed || this.#onReady(), 0).unref();
    }
  }

  interrupt(): void {
    this.#wait.interrupt();
  }

  ref(): void {
    this.#referenced = true;
  }

  unref(): void {
    this.#referenced = false;
    if (this.#running) {
      this.interrupt();
    }
  }

  close(): void {
    assert(!this.#closed);
    this.#closed = true;
    waiting.delete(this);
    if (waiting.size === 0) {
      process.off('exit', interruptAll);
    }
    if (this.#running) {
      this.interrupt();
    } else {
      this.#wait.close();
    }
  }
}
