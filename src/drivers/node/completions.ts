/** Completions that were not delivered yet, in their order: columns of typed arrays, so that none is an object. */

import { growColumns, grownLength } from '../../base/typed-arrays.js';
import type { CompletionSink } from '../driver.js';

const COMPLETIONS_FIRST = 256;

const COLUMNS = ['slot', 'generation', 'result', 'more', 'buffer'] as const;

export class Completions {
  slot = new Int32Array(COMPLETIONS_FIRST);
  generation = new Int32Array(COMPLETIONS_FIRST);
  result = new Int32Array(COMPLETIONS_FIRST);
  more = new Uint8Array(COMPLETIONS_FIRST);
  buffer = new Int32Array(COMPLETIONS_FIRST);
  #first = 0;
  #end = 0;
  readonly #onAdded: () => void;

  /** @param onAdded called for each completion that is added */
  constructor(onAdded: () => void) {
    this.#onAdded = onAdded;
  }

  get length(): number {
    return this.#end - this.#first;
  }

  add(slot: number, generation: number, result: number, more: boolean, buffer: number): void {
    const index = this.#end++;
    if (index === this.slot.length) {
      growColumns(this, COLUMNS, grownLength(index));
    }
    this.slot[index] = slot;
    this.generation[index] = generation;
    this.result[index] = result;
    this.more[index] = more ? 1 : 0;
    this.buffer[index] = buffer;
    this.#onAdded();
  }

  /** Delivers the first `most`. Those that are added meanwhile stay for the next call. */
  deliver(sink: CompletionSink, most: number): void {
    const end = Math.min(this.#end, this.#first + most);
    while (this.#first < end) {
      const index = this.#first++;
      sink.complete(
        this.slot[index] as number,
        this.generation[index] as number,
        this.result[index] as number,
        this.more[index] === 1,
        this.buffer[index] as number,
      );
    }
    if (this.#first === this.#end) {
      this.#first = 0;
      this.#end = 0;
    } else if (this.#first > COMPLETIONS_FIRST) {
      for (const column of COLUMNS) {
        this[column].copyWithin(0, this.#first, this.#end);
      }
      this.#end -= this.#first;
      this.#first = 0;
    }
  }
}
