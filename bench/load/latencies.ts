/**
 * A histogram of times whose recording costs a few nanoseconds: each power of two has the same number of equal steps,
 * so a time is known to better than one percent. (Node's own histogram calls into C++ for each time, which a load of a
 * million messages a second would notice.)
 */

import type { Latency } from './order.js';

const STEPS_BITS = 7;
const STEPS = 2 ** STEPS_BITS;
/** Times are counted in tenths of a µs, up to 2^31 of them. */
const TENTHS = 10;
const TENTHS_MAX = 2 ** 31 - 1;
/** A percentile with fewer values above it is one or two accidents. */
const ABOVE_MIN = 5;
const SHARES = { p50: 0.5, p99: 0.99, p999: 0.999 } as const;

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
    if (this.#total === 0) {
      return undefined;
    }
    const known = Object.entries(SHARES).flatMap(([name, share]) => {
      const rank = Math.ceil(this.#total * share);
      return this.#total - rank < ABOVE_MIN ? [] : [[name, this.#at(rank)]];
    });
    return Object.fromEntries(known) as Latency;
  }

  /** The smallest value such that at least this many values are not above it. */
  #at(wanted: number): number {
    let seen = 0;
    const place = this.#counts.findIndex((count) => {
      seen += count;
      return seen >= wanted;
    });
    return tenthsOf(place) / TENTHS;
  }
}
