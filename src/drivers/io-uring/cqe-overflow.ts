/**
 * Completions taken out of the kernel's ring before anybody asked for them: when a post finds the submission ring full
 * and the kernel wants its completions read first. It is empty in normal work.
 */

import type { Ring } from './ring.js';

export class CqeOverflow {
  #entries: number[] = [];
  #next = 0;

  /** Completions in here. */
  get length(): number {
    return (this.#entries.length - this.#next) >> 2;
  }

  /** Takes all that the ring has. */
  takeAll(ring: Ring): void {
    const { words, cqes, cqMask } = ring;
    while (ring.ready > 0) {
      const { head } = ring;
      const word = cqes + ((head & cqMask) << 2);
      this.#entries.push(
        words[word] as number,
        words[word + 1] as number,
        words[word + 2] as number,
        words[word + 3] as number,
      );
      ring.advance((head + 1) | 0);
    }
  }

  /** Hands over up to `countMax` completions, oldest first. */
  deliver(to: (slot: number, generation: number, result: number, flags: number) => void, countMax: number): void {
    for (let left = Math.min(countMax, this.length); left > 0; left--) {
      const at = this.#next;
      const entries = this.#entries;
      this.#next += 4;
      to(entries[at] as number, entries[at + 1] as number, entries[at + 2] as number, entries[at + 3] as number);
    }
    if (this.length === 0) {
      this.#entries = [];
      this.#next = 0;
    }
  }
}
