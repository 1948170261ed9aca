/**
 * When something that failed for want of memory, or was interrupted, is tried again: soon, then after twice the time for
 * each failure that follows. A shortage that lasts costs ten tries a second, and the program nothing.
 */

import { blockThread } from './block-thread.js';
import type { Clock } from './clock.js';

/** The first delay, and the longest. */
export const RETRY_MS_MIN = 1;
export const RETRY_MS_MAX = 100;

/** After this time without a failure the next one is the first again. */
const FORGOTTEN_AFTER_MS = 10 * RETRY_MS_MAX;

export class Retry {
  /** When the next try is due, by the clock; Infinity when nothing waits for one. */
  at = Infinity;
  readonly #clock: Clock;
  #delayMs = RETRY_MS_MIN;
  #failedAt = -Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Something failed: when to try again is in `at`. */
  failed(): void {
    const now = this.#clock.now();
    this.#delayMs =
      now - this.#failedAt > FORGOTTEN_AFTER_MS ? RETRY_MS_MIN : Math.min(2 * this.#delayMs, RETRY_MS_MAX);
    this.#failedAt = now;
    this.at = Math.min(this.at, now + this.#delayMs);
  }

  /** The next try begins, or nothing waits for one any more. */
  clear(): void {
    this.at = Infinity;
  }

  /** Blocks this thread until the next try is due, for `timeoutMs` at the most. */
  block(timeoutMs: number): void {
    const left = Math.min(timeoutMs, this.at - this.#clock.now());
    if (left > 0) {
      blockThread(left);
    }
  }
}
