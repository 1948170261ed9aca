/**
 * FIFO queue of objects. Its memory is proportional to the queued entries, even if it never drains completely, and taking an
 * entry is O(1) amortized: `Array.prototype.shift` moves all entries of a long array. For numbers there is Int32Queue, which
 * allocates nothing for an entry.
 */

/** The array is compacted when at least this many entries were taken, and no fewer than are still queued. */
const TAKEN_MIN = 64;

export class Fifo<T extends object> {
  #entries: (T | undefined)[] = [];
  /** Entries at the beginning of the array that were taken. */
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

  /** Inserts entries before all others. */
  putBack(entries: readonly T[]): void {
    if (entries.length > 0) {
      this.#entries = [...entries, ...this.#entries.slice(this.#taken)];
      this.#taken = 0;
    }
  }
}
