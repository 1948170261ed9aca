/** Completions that a port can dequeue, in their order. */

import type { CompletionSink } from '../driver.js';
import type { Random } from './random.js';

interface Entry {
  readonly slot: number;
  readonly generation: number;
  readonly result: number;
  readonly more: boolean;
  readonly buffer: number;
}

/** Delivered entries are dropped in groups of this size. */
const SHIFTED_MAX = 256;

export class CompletionList {
  readonly #entries: Entry[] = [];
  #first = 0;

  get length(): number {
    return this.#entries.length - this.#first;
  }

  add(entry: Entry): void {
    this.#entries.push(entry);
  }

  /** Adds an entry at a random position, but after those of the same operation. */
  addAnywhere(entry: Entry, random: Random): void {
    const entries = this.#entries;
    let least = entries.length;
    while (least > this.#first && entries[least - 1]?.slot !== entry.slot) {
      least--;
    }
    entries.splice(least + random.below(entries.length - least + 1), 0, entry);
  }

  /** Delivers the first entries, at most `completionsMax`; returns how many. */
  flush(sink: CompletionSink, completionsMax: number): number {
    let flushed = 0;
    for (; flushed < completionsMax && this.length > 0; flushed++) {
      const { slot, generation, result, more, buffer } = this.#entries[this.#first++] as Entry;
      sink.complete(slot, generation, result, more, buffer);
    }
    if (this.length === 0) {
      this.#entries.length = 0;
      this.#first = 0;
    } else if (this.#first > SHIFTED_MAX) {
      this.#entries.splice(0, this.#first);
      this.#first = 0;
    }
    return flushed;
  }
}
