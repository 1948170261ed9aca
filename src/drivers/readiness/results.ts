/**
 * Completions of one round of calls, kept until the round is over: the calls follow each other closely then, and so
 * does what the port makes of them, which leaves each its code in the processor's cache.
 */

import type { CompletionSink } from '../driver.js';

const RESULT_WORDS = 5;

export class Results {
  /** Slot, generation, result, whether more comes, and buffer of each. */
  readonly #words: Int32Array;
  /** How many there are. */
  count = 0;

  /** @param most completions of one round, at the most */
  constructor(most: number) {
    this.#words = new Int32Array(RESULT_WORDS * most);
  }

  add(slot: number, generation: number, result: number, more: boolean, buffer: number): void {
    const words = this.#words;
    const at = RESULT_WORDS * this.count++;
    words[at] = slot;
    words[at + 1] = generation;
    words[at + 2] = result;
    words[at + 3] = more ? 1 : 0;
    words[at + 4] = buffer;
  }

  /** Hands them on, in order. */
  flush(sink: CompletionSink): void {
    const words = this.#words;
    const end = RESULT_WORDS * this.count;
    this.count = 0;
    for (let at = 0; at < end; at += RESULT_WORDS) {
      sink.complete(
        words[at] as number,
        words[at + 1] as number,
        words[at + 2] as number,
        words[at + 3] === 1,
        words[at + 4] as number,
      );
    }
  }
}
