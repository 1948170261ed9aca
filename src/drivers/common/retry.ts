/**
 * Repeats a system call that failed because the system was short of memory: after 1 ms, then after twice the time for
 * each further failure. During a long shortage that is ten tries a second.
 */

import type { Clock } from '../../base/clock.js';
import { sleep } from './sleep.js';

/** Codes of temporary failures: the same call, or the same operation, can succeed a moment later. */
export const PASSING: ReadonlySet<string> = new Set(['EINTR', 'EAGAIN', 'ENOMEM', 'ENOBUFS']);

/** The first and the longest delay. */
const RETRY_MS_MIN = 1;
const RETRY_MS_MAX = 100;

/** @param failures in a row, 1 for the first */
export function retryDelayMs(failures: number): number {
  return Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** (failures - 1));
}

export class Retry {
  /** When the next try is due, by the clock; Infinity if none is. */
  at = Infinity;
  readonly #clock: Clock;
  /** Number of failures in a row. */
  #failures = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A try has failed: sets `at`. */
  failed(): void {
    this.#failures++;
    this.at = this.#clock.now() + retryDelayMs(this.#failures);
  }

  /** The next try is due at once, as the last one has not failed for a shortage. */
  again(): void {
    this.at = this.#clock.now();
  }

  /** The next try begins. */
  clear(): void {
    this.at = Infinity;
  }

  succeeded(): void {
    this.at = Infinity;
    this.#failures = 0;
  }

  /** Blocks this thread until the next try is due, for up to `timeoutMs`. */
  block(timeoutMs: number): void {
    const left = Math.min(timeoutMs, this.at - this.#clock.now());
    if (left > 0) {
      sleep(left);
    }
  }
}
