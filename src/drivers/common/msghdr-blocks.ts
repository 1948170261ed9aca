/** Memory for gathered sends, from the post of a send to its completion. */

import { assert } from '../../base/assert.js';
import { Slab } from '../../ffi/memory.js';
import type { BufferList } from '../driver.js';

/** A system's form of a gathered send. */
export interface MessageLayout {
  /** Bytes of a message with GATHER_PIECES_MAX pieces. */
  readonly byteLength: number;
  write(block: Slab, pieces: BufferList): void;
}

/** A pool of blocks. Its size is the largest number of gathered sends that were ever in flight together. */
export class MsghdrPool {
  readonly #layout: MessageLayout;
  readonly #free: Slab[] = [];
  readonly #used = new Map<number, Slab>();

  constructor(layout: MessageLayout) {
    this.#layout = layout;
  }

  /** Writes the message of the send in `slot`. */
  write(slot: number, pieces: BufferList): Slab {
    const block = this.#free.pop() ?? new Slab(this.#layout.byteLength);
    this.#used.set(slot, block);
    this.#layout.write(block, pieces);
    return block;
  }

  /** The message of the gathered send in `slot`, which has not completed. */
  of(slot: number): Slab {
    const block = this.#used.get(slot);
    assert(block !== undefined);
    return block;
  }

  /** The send in `slot` has completed. Does nothing if it was not a gathered one. */
  release(slot: number): void {
    if (this.#used.size === 0) {
      return;
    }
    const block = this.#used.get(slot);
    if (block !== undefined) {
      this.#used.delete(slot);
      this.#free.push(block);
    }
  }
}
