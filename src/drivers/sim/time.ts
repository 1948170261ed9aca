/** The real and the virtual time of a simulated network. */

import { performanceNow } from '../../base/runtime.js';
import { sleep } from '../common/sleep.js';

export interface TimeSource {
  /** Whether time passes by itself. */
  readonly real: boolean;
  /** The time in ms, with fractions. */
  now(): number;
  /** Blocks until `at`, or jumps to it. */
  passTo(at: number): void;
}

export class RealTime implements TimeSource {
  readonly real = true;

  now(): number {
    return performanceNow();
  }

  passTo(at: number): void {
    for (let left = at - performanceNow(); left > 0; left = at - performanceNow()) {
      sleep(left);
    }
  }
}

export class VirtualTime implements TimeSource {
  readonly real = false;
  #now = 0;

  now(): number {
    return this.#now;
  }

  passTo(at: number): void {
    this.#now = Math.max(this.#now, at);
  }
}
