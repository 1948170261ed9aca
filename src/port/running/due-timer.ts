/** The timer of a parked port: the next turn comes when it ends, although nothing has completed. */

import { type Clock, type ClockTimer, TIMER_MS_MAX } from '../../base/clock.js';

export class DueTimer {
  readonly #clock: Clock;
  readonly #onEnd: () => void;
  #timer: ClockTimer | undefined;
  /** When the timer ends, by the clock; Infinity when none is set. */
  #dueAt = Infinity;
  #referenced = true;

  constructor(clock: Clock, onEnd: () => void) {
    this.#clock = clock;
    this.#onEnd = onEnd;
  }

  /** Ends at `dueAt`, by the clock, or before. */
  endBy(dueAt: number): void {
    if (dueAt >= this.#dueAt) {
      return;
    }
    this.clear();
    const delayMs = Math.ceil(Math.max(1, dueAt - this.#clock.now()));
    this.#dueAt = dueAt;
    this.#timer = this.#clock.setTimer(
      () => {
        this.clear();
        this.#onEnd();
      },
      Math.min(delayMs, TIMER_MS_MAX),
    );
    if (!this.#referenced) {
      this.#timer.unref();
    }
  }

  clear(): void {
    this.#timer?.clear();
    this.#timer = undefined;
    this.#dueAt = Infinity;
  }

  ref(): void {
    this.#referenced = true;
    this.#timer?.ref();
  }

  unref(): void {
    this.#referenced = false;
    this.#timer?.unref();
  }
}
