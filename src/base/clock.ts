/** The clock of a port: the system's, or a simulated one. */

import { clearTimeout, performanceNow, setTimeout } from './runtime.js';

/** The longest delay of Node's timers, in ms; they fire at once for a longer one. */
export const TIMER_MS_MAX = 2 ** 31 - 1;

/** A timer of a clock. */
export interface ClockTimer {
  /** The timer keeps the process alive again. */
  ref(): void;
  /** The timer no longer keeps the process alive. */
  unref(): void;
  /** Stops the timer: it calls nothing. */
  clear(): void;
}

/** The clock of a port: the system's, or that of a simulated network. */
export interface Clock {
  /** Whether time passes by itself, so that polling the clock makes sense. */
  readonly passes: boolean;
  /** Monotonic time in ms, with fractions. */
  now(): number;
  /** Calls back once, from the event loop, after `delayMs`: an integer up to TIMER_MS_MAX. */
  setTimer(callback: () => void, delayMs: number): ClockTimer;
}

class SystemTimer implements ClockTimer {
  readonly #timer: NodeJS.Timeout;

  constructor(callback: () => void, delayMs: number) {
    this.#timer = setTimeout(callback, delayMs);
  }

  ref(): void {
    this.#timer.ref();
  }

  unref(): void {
    this.#timer.unref();
  }

  clear(): void {
    clearTimeout(this.#timer);
  }
}

/** The clock of every driver that runs on a real system. */
export const systemClock: Clock = {
  passes: true,
  now: () => performanceNow(),
  setTimer: (callback, delayMs) => new SystemTimer(callback, delayMs),
};
