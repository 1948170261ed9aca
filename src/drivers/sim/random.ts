/** Reproducible random numbers from a seed (mulberry32). */

/** From a minimum to a maximum, both inclusive. */
export type Range = readonly [least: number, most: number];

/** Delays are multiples of 1 µs, so that their sums are exact and the trace can hash them. */
const STEPS_PER_MS = 1000;

export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** 0 or more, below 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from 0 to `count - 1`. */
  below(count: number): number {
    return Math.floor(this.next() * count);
  }

  /** True at a rate of `rate`. A rate of 0 draws no number, so that a fault that is off changes nothing else. */
  chance(rate: number): boolean {
    return rate > 0 && this.next() < rate;
  }

  /** A random time in the range, in ms. */
  within([least, most]: Range): number {
    return most > least ? least + Math.round(this.next() * (most - least) * STEPS_PER_MS) / STEPS_PER_MS : least;
  }
}
