/** A timer that ends at the earliest of the times that it was given, and that may be referenced or not, as Node's are. */

import { type Clock, type ClockTimer, TIMER_MS_MAX } from './clock.js';

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

  /** Calls `onEnd` at `dueAt`, by the clock, at the latest. */
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
