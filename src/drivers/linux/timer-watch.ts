/** The last way to wake Node's event loop, if not even a descriptor can be opened: a timer. */

import { systemClock } from '../../base/clock.js';
import { DueTimer } from '../../base/due-timer.js';
import type { LoopWatch } from '../driver.js';

const INTERVAL_MS = 10;

export class TimerWatch implements LoopWatch {
  readonly kind: string;
  readonly #timer: DueTimer;

  /** @param onTick called once after each `arm` */
  constructor(reason: string, onTick: () => void) {
    this.kind = `a timer, because ${reason}`;
    this.#timer = new DueTimer(systemClock, onTick);
  }

  arm(): void {
    this.#timer.endBy(systemClock.now() + INTERVAL_MS);
  }

  ref(): void {
    this.#timer.ref();
  }

  unref(): void {
    this.#timer.unref();
  }

  close(): void {
    this.#timer.clear();
  }
}
