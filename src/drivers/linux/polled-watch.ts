/** The last resort for waking Node's event loop, where not even a descriptor can be opened: a timer that looks. */

import { type ClockTimer, systemClock } from '../../base/clock.js';
import type { LoopWatch } from '../driver.js';

/** From one look to the next, in ms. */
const LOOK_MS = 10;

export class PolledWatch implements LoopWatch {
  readonly kind: string;
  readonly #onLook: () => void;
  #timer: ClockTimer | undefined;
  #referenced = true;

  /** @param onLook called once behind each `arm` */
  constructor(reason: string, onLook: () => void) {
    this.kind = `a timer, because ${reason}`;
    this.#onLook = onLook;
  }

  arm(): void {
    if (this.#timer !== undefined) {
      return;
    }
    this.#timer = systemClock.setTimer(() => {
      this.#timer = undefined;
      this.#onLook();
    }, LOOK_MS);
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
