/** A queue of objects, whose memory is that of those that wait: also where it is never quite empty. */

/** Entries that were taken are dropped when there are so many, and no fewer than of those that wait. */
const TAKEN_MIN = 64;

export class Fifo<T extends object> {
  #entries: (T | undefined)[] = [];
  /** Entries that were taken. */
  #taken = 0;

  get length(): number {
    return this.#entries.length - this.#taken;
  }

  push(entry: T): void {
    this.#entries.push(entry);
  }

  /** The oldest entry, which stays. The queue must not be empty. */
  get first(): T {
    return this.#entries[this.#taken] as T;
  }

  /** Takes the oldest entry. The queue must not be empty. */
  shift(): T {
    const entry = this.#entries[this.#taken] as T;
    this.#entries[this.#taken++] = undefined;
    if (this.#taken >= TAKEN_MIN && 2 * this.#taken >= this.#entries.length) {
      this.#entries.splice(0, this.#taken);
      this.#taken = 0;
    }
    return entry;
  }

  /** Entries that come before all others. */
  putBack(entries: readonly T[]): void {
    if (entries.length > 0) {
      this.#entries = [...entries, ...this.#entries.slice(this.#taken)];
      this.#taken = 0;
    }
  }
}
