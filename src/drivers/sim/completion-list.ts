/** Completions on their way to a port, in the order in which they are dequeued. */

import type { CompletionSink } from '../driver.js';
import type { Random } from './random.js';

interface Entry {
  readonly slot: number;
  readonly generation: number;
  readonly result: number;
  readonly more: boolean;
  readonly buffer: number;
}

/** Entries that were handed on are dropped when there are so many. */
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

  /** The same, somewhere among those that wait, but behind those of the same operation. */
  addAnywhere(entry: Entry, random: Random): void {
    const entries = this.#entries;
    let least = entries.length;
    while (least > this.#first && entries[least - 1]?.slot !== entry.slot) {
      least--;
    }
    entries.splice(least + random.below(entries.length - least + 1), 0, entry);
  }

  /** Hands on the first ones, at most `completionsMax`; returns how many. */
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
