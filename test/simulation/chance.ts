/** The random choices of a scenario: a seed repeats all of them (mulberry32). */

export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** 0 or more, below 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from `least` to `most`, both inclusive. */
  between(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  /** Whether something happens whose rate, from 0 to 1, is `rate`. */
  rate(rate: number): boolean {
    return this.next() < rate;
  }

  pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.next() * list.length)] as T;
  }

  /** A size: small ones are as likely as large ones, each doubling being as likely as the next. `least` is above 0. */
  size(least: number, most: number): number {
    return Math.min(most, Math.floor(least * ((most + 1) / least) ** this.next()));
  }

  /** A size with a certain rate; undefined without. */
  maybeSize(rate: number, least: number, most: number): number | undefined {
    return this.rate(rate) ? this.size(least, most) : undefined;
  }
}
