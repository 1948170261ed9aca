/** Completions on their way to a batch: straight into it while it has room, and into a queue behind that. */

import { Fifo } from '../base/fifo.js';
import { Completion, type CompletionBatch } from './completion.js';

export class CompletionQueue {
  #batch: CompletionBatch | undefined;
  /** Completions that found no batch to go into. */
  readonly #waiting = new Fifo<Completion>();

  /** How many completions found no batch to go into. */
  get length(): number {
    return this.#waiting.length;
  }

  /** From now on completions go into `batch`; those that waited go first. */
  open(batch: CompletionBatch): void {
    batch.clear();
    this.#batch = batch;
    while (this.length > 0 && batch.length < batch.completionsMax) {
      batch.entries[batch.length++] = this.#waiting.shift();
    }
  }

  /** Completions that were dequeued but not dispatched wait again, before all others. */
  putBack(completions: readonly Completion[]): void {
    this.#waiting.putBack(completions);
  }

  /** From now on completions wait. */
  close(): void {
    this.#batch = undefined;
  }

  /** A record for the next completion, to be filled whole. */
  add(): Completion {
    const batch = this.#batch;
    if (batch !== undefined && batch.length < batch.completionsMax && this.length === 0) {
      return batch.entries[batch.length++] as Completion;
    }
    const completion = new Completion();
    this.#waiting.push(completion);
    return completion;
  }
}
