/**
 * A histogram of times whose recording costs a few nanoseconds: for each power of two so many steps of equal width, so
 * that a time is known to better than one percent. (Node's own takes a call into C++ for each time, which a load of
 * a million messages a second would notice.)
 */

import type { Latency } from './order.js';

const STEPS_BITS = 7;
const STEPS = 2 ** STEPS_BITS;
/** Times are counted in tenths of a µs, up to 2^31 of them. */
const TENTHS = 10;
const TENTHS_MAX = 2 ** 31 - 1;

/** The place of a time: itself below STEPS, then STEPS places for each power of two. */
function placeOf(tenths: number): number {
  const shift = Math.max(0, 31 - Math.clz32(tenths) - STEPS_BITS);
  return shift * STEPS + (tenths >>> shift);
}

/** The least time of a place. */
function tenthsOf(place: number): number {
  const shift = Math.max(0, Math.floor(place / STEPS) - 1);
  return (place - shift * STEPS) * 2 ** shift;
}

export class Latencies {
  readonly #counts = new Uint32Array(placeOf(TENTHS_MAX) + 1);
  #total = 0;

  record(microseconds: number): void {
    const place = placeOf(Math.min(TENTHS_MAX, microseconds * TENTHS));
    this.#counts[place] = (this.#counts[place] as number) + 1;
    this.#total++;
  }

  clear(): void {
    this.#counts.fill(0);
    this.#total = 0;
  }

  /** Undefined when nothing was recorded. */
  summary(): Latency | undefined {
    return this.#total === 0 ? undefined : { p50: this.#at(0.5), p99: this.#at(0.99), p999: this.#at(0.999) };
  }

  #at(share: number): number {
    const wanted = Math.ceil(this.#total * share);
    let seen = 0;
    const place = this.#counts.findIndex((count) => {
      seen += count;
      return seen >= wanted;
    });
    return tenthsOf(place) / TENTHS;
  }
}
