/**
 * When a system call that failed for want of memory is made again: soon, then after twice the time for each failure that
 * follows. A shortage that lasts costs ten tries a second, and the program nothing.
 */

import type { Clock } from '../../base/clock.js';
import { blockThread } from './block-thread.js';

/** Codes of failures that pass: the same call, or the same operation, can succeed a moment later. */
export const PASSING: ReadonlySet<string> = new Set(['EINTR', 'EAGAIN', 'ENOMEM', 'ENOBUFS']);

/** The first delay, and the longest. */
const RETRY_MS_MIN = 1;
const RETRY_MS_MAX = 100;

/** @param failures in a row, 1 for the first */
export function retryDelayMs(failures: number): number {
  return Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** (failures - 1));
}

export class Retry {
  /** When the next try is due, by the clock; Infinity when nothing waits for one. */
  at = Infinity;
  readonly #clock: Clock;
  /** In a row. */
  #failures = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A try has failed: when the next is due is in `at`. */
  failed(): void {
    this.#failures++;
    this.at = this.#clock.now() + retryDelayMs(this.#failures);
  }

  /** The next try begins. */
  clear(): void {
    this.at = Infinity;
  }

  succeeded(): void {
    this.at = Infinity;
    this.#failures = 0;
  }

  /** Blocks this thread until the next try is due, for `timeoutMs` at the most. */
  block(timeoutMs: number): void {
    const left = Math.min(timeoutMs, this.at - this.#clock.now());
    if (left > 0) {
      blockThread(left);
    }
  }
}
