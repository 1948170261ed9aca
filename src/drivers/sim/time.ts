/** The two clocks that a simulated network can have. */

import { performanceNow } from '../../base/runtime.js';

export interface TimeSource {
  /** Whether time passes by itself. */
  readonly real: boolean;
  /** ms, with fractions. */
  now(): number;
  /** Blocks, or jumps, until `at`. */
  passTo(at: number): void;
}

/** Nobody ever writes it: it is there to be waited on. */
const never = new Int32Array(new SharedArrayBuffer(4));

export class RealTime implements TimeSource {
  readonly real = true;

  now(): number {
    return performanceNow();
  }

  passTo(at: number): void {
    for (let left = at - performanceNow(); left > 0; left = at - performanceNow()) {
      Atomics.wait(never, 0, 0, left);
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
