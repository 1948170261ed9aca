/** Random numbers of a simulation: a seed repeats them all (mulberry32). */

/** From the least value to the most, both inclusive. */
export type Range = readonly [least: number, most: number];

/** Delays are whole µs: sums of them stay exact, and a trace can count them. */
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

  /** Whether something happens whose rate is `rate`. For a rate of 0 no number is drawn: what is off changes nothing else. */
  chance(rate: number): boolean {
    return rate > 0 && this.next() < rate;
  }

  /** A time of the range, in ms. */
  within([least, most]: Range): number {
    return most > least ? least + Math.round(this.next() * (most - least) * STEPS_PER_MS) / STEPS_PER_MS : least;
  }
}
