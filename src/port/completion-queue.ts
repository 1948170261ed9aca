/** Completions on their way to a batch: written straight into it while it has room, and queued after that. */

import { Fifo } from '../base/fifo.js';
import { Completion, type CompletionBatch } from './completion.js';

export class CompletionQueue {
  #batch: CompletionBatch | undefined;
  /** Completions for which no batch had room. */
  readonly #waiting = new Fifo<Completion>();

  /** Completions that wait for a batch. */
  get length(): number {
    return this.#waiting.length;
  }

  /** From now on completions go into `batch`, after those that waited. */
  open(batch: CompletionBatch): void {
    batch.clear();
    this.#batch = batch;
    while (this.length > 0 && batch.length < batch.completionsMax) {
      batch.entries[batch.length++] = this.#waiting.shift();
    }
  }

  /** Queues completions that were dequeued but not dispatched again, before all others. */
  putBack(completions: readonly Completion[]): void {
    this.#waiting.putBack(completions);
  }

  /** From now on completions are queued. */
  close(): void {
    this.#batch = undefined;
  }

  /** Returns the record for the next completion. The caller must set all of its fields: it may have been used before. */
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
