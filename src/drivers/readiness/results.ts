/**
 * Completions of one batch of system calls, kept until the whole batch is made. The calls then follow each other
 * closely, and so does the port's handling of their results, so each finds its code in the processor's cache.
 */

import type { CompletionSink } from '../driver.js';

/** Words of a completion, in `#words`. */
const SLOT = 0;
const GENERATION = 1;
const RESULT = 2;
const MORE = 3;
const BUFFER = 4;
const COMPLETION_WORDS = 5;

export class Results {
  readonly #words: Int32Array;
  /** Number of completions. */
  count = 0;

  /** @param completionsMax of one batch */
  constructor(completionsMax: number) {
    this.#words = new Int32Array(COMPLETION_WORDS * completionsMax);
  }

  add(slot: number, generation: number, result: number, more: boolean, buffer: number): void {
    const words = this.#words;
    const at = COMPLETION_WORDS * this.count++;
    words[at + SLOT] = slot;
    words[at + GENERATION] = generation;
    words[at + RESULT] = result;
    words[at + MORE] = more ? 1 : 0;
    words[at + BUFFER] = buffer;
  }

  /** Delivers the completions, oldest first. */
  flush(sink: CompletionSink): void {
    const words = this.#words;
    const end = COMPLETION_WORDS * this.count;
    this.count = 0;
    for (let at = 0; at < end; at += COMPLETION_WORDS) {
      sink.complete(
        words[at + SLOT] as number,
        words[at + GENERATION] as number,
        words[at + RESULT] as number,
        words[at + MORE] === 1,
        words[at + BUFFER] as number,
      );
    }
  }
}
