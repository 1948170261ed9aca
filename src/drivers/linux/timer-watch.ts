/** The last way to wake Node's event loop, if not even a descriptor can be opened: a timer. */

import { type ClockTimer, systemClock } from '../../base/clock.js';
import type { LoopWatch } from '../driver.js';

const INTERVAL_MS = 10;

export class TimerWatch implements LoopWatch {
  readonly kind: string;
  readonly #onTick: () => void;
  #timer: ClockTimer | undefined;
  #referenced = true;

  /** @param onTick called once after each `arm` */
  constructor(reason: string, onTick: () => void) {
    this.kind = `a timer, because ${reason}`;
    this.#onTick = onTick;
  }

  arm(): void {
    if (this.#timer !== undefined) {
      return;
    }
    this.#timer = systemClock.setTimer(() => {
      this.#timer = undefined;
      this.#onTick();
    }, INTERVAL_MS);
    if (!this.#referenced) {
      this.#timer.unref();
    }
  }

  ref(): void {
    this.#referenced = true;
    this.#timer?.ref();
  }

  unref(): void {
    this.#referenced = false;
    this.#timer?.unref();
  }

  close(): void {
    this.#timer?.clear();
  }
}
