/** A block of memory for the small bytes of one round, which are neighbours in it. */

import { assert } from '../../base/assert.js';
import { type ArenaBlock, BLOCK_BYTES, type WriteArena } from '../../port/sending/write-arena.js';

export class RoundBlock {
  readonly #arena: WriteArena;
  #block: ArenaBlock | undefined;

  constructor(arena: WriteArena) {
    this.#arena = arena;
  }

  /** The block of this round; undefined before `withRoom`. */
  get current(): ArenaBlock | undefined {
    return this.#block;
  }

  /** A block with room for `byteLength` bytes after its used ones. Whoever keeps bytes there holds the block. */
  withRoom(byteLength: number): ArenaBlock {
    assert(byteLength <= BLOCK_BYTES);
    let block = this.#block;
    if (block === undefined || block.used + byteLength > BLOCK_BYTES) {
      this.rest();
      block = this.#arena.take();
      this.#block = block;
    }
    return block;
  }

  /** The round is over. */
  rest(): void {
    this.#block?.release();
    this.#block = undefined;
  }
}
