/** Memory for gathered sends, held by the slot of the send until it completes. */

import { assert } from '../../base/assert.js';
import { Slab } from '../../ffi/memory.js';
import type { BufferList } from '../driver.js';

/** How a system wants a gathered send written down. */
export interface MessageLayout {
  /** Room for GATHER_PIECES_MAX pieces. */
  readonly byteLength: number;
  write(block: Slab, gather: BufferList): void;
}

/** Blocks are kept and used again; there are as many as gathered sends were ever in flight together. */
export class MsghdrPool {
  readonly #layout: MessageLayout;
  readonly #free: Slab[] = [];
  readonly #held = new Map<number, Slab>();

  constructor(layout: MessageLayout) {
    this.#layout = layout;
  }

  /** Writes a message for the send in `slot`. */
  write(slot: number, gather: BufferList): Slab {
    const block = this.#free.pop() ?? new Slab(this.#layout.byteLength);
    this.#held.set(slot, block);
    this.#layout.write(block, gather);
    return block;
  }

  /** The message of a gathered send that has not completed. */
  of(slot: number): Slab {
    const block = this.#held.get(slot);
    assert(block !== undefined);
    return block;
  }

  /** The send in `slot` has completed. Does nothing for one that was not gathered. */
  release(slot: number): void {
    if (this.#held.size === 0) {
      return;
    }
    const block = this.#held.get(slot);
    if (block !== undefined) {
      this.#held.delete(slot);
      this.#free.push(block);
    }
  }
}
