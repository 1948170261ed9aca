/**
 * Submission entries that found the ring full while the kernel, short of memory, took none. They go first as soon as
 * there is room, in order. It is empty in normal operation.
 */

import { Fifo } from '../../base/fifo.js';
import type { Ring } from './ring.js';
import { SQE_WORDS } from './submission-entry.js';

export class SubmissionBacklog {
  readonly #entries = new Fifo<Int32Array>();

  get length(): number {
    return this.#entries.length;
  }

  /** Adds an entry; returns its memory. */
  add(): Int32Array {
    const entry = new Int32Array(SQE_WORDS);
    this.#entries.push(entry);
    return entry;
  }

  /** Moves entries into the ring while it has room. */
  drain(ring: Ring): void {
    while (this.#entries.length > 0 && ring.hasRoom) {
      ring.sqes.set(this.#entries.shift(), ring.next());
    }
  }
}
