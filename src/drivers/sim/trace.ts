/** A running hash of all events: two runs with the same events have the same hash. */

/** Kinds of events. */
export const TRACE = {
  created: 1,
  closed: 2,
  listening: 3,
  posted: 4,
  cancelled: 5,
  completed: 6,
  arrived: 7,
  ended: 8,
  reset: 9,
  advanced: 10,
} as const;

/** FNV-1a, a word at a time. */
const OFFSET_BASIS = 0x811c9dc5;
const PRIME = 0x01000193;

export class Trace {
  #hash: number = OFFSET_BASIS;
  /** Number of events so far. */
  events = 0;

  add(what: (typeof TRACE)[keyof typeof TRACE], first: number, second: number, third: number): void {
    this.events++;
    let hash = Math.imul(this.#hash ^ what, PRIME);
    hash = Math.imul(hash ^ first, PRIME);
    hash = Math.imul(hash ^ second, PRIME);
    hash = Math.imul(hash ^ third, PRIME);
    // The low bits of a product depend on low bits only, so the high bits are mixed in.
    this.#hash = hash ^ (hash >>> 15);
  }

  /** The number of events and their hash, as text. */
  get value(): string {
    return `${this.events}-${(this.#hash >>> 0).toString(16).padStart(8, '0')}`;
  }
}
