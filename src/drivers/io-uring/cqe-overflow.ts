/**
 * Completions that were read from the kernel's ring before a poll asked for them: a post found the submission ring
 * full, and the kernel wanted its completions read first. It is empty in normal operation.
 */

import { Fifo } from '../../base/fifo.js';
import { CQE_FLAGS, CQE_GENERATION, CQE_RES, CQE_SLOT, CQE_WORDS } from './completion-entry.js';
import type { Ring } from './ring.js';

interface Completion {
  readonly slot: number;
  readonly generation: number;
  readonly result: number;
  readonly flags: number;
}

export class CqeOverflow {
  readonly #completions = new Fifo<Completion>();

  get length(): number {
    return this.#completions.length;
  }

  /** Takes all completions that the ring has. */
  takeAll(ring: Ring): void {
    const { words, cqes, cqMask } = ring;
    while (ring.ready > 0) {
      const { head } = ring;
      const word = cqes + (head & cqMask) * CQE_WORDS;
      this.#completions.push({
        slot: words[word + CQE_SLOT] as number,
        generation: words[word + CQE_GENERATION] as number,
        result: words[word + CQE_RES] as number,
        flags: words[word + CQE_FLAGS] as number,
      });
      ring.advance((head + 1) | 0);
    }
  }

  /** Delivers up to `completionsMax` completions, oldest first. */
  deliver(
    complete: (slot: number, generation: number, result: number, flags: number) => void,
    completionsMax: number,
  ): void {
    for (let left = Math.min(completionsMax, this.length); left > 0; left--) {
      const { slot, generation, result, flags } = this.#completions.shift();
      complete(slot, generation, result, flags);
    }
  }
}
