/** Bytes that many connections send: one copy that never moves, kept by each send until it completes. */

import type { RefCounted } from '../../base/ref-counted.js';
import { Slab } from '../../ffi/memory.js';
import { keepFramed } from '../../framing/framed-memory.js';
import { ownerOf, SMALL_BYTES_MAX } from '../../port/sending/send-memory.js';
import type { ArenaBlock, WriteArena } from '../../port/sending/write-arena.js';
import { joinPieces, type Payload } from './payload.js';
import { RoundBlock } from './round-block.js';

export interface SharedBytes {
  /** All of it is sent. */
  readonly memory: Uint8Array;
  readonly address: number;
  readonly byteLength: number;
  /** Keeps the memory. The maker holds it once, and releases it after the bytes were passed to all connections. */
  readonly holder: RefCounted;
}

/**
 * Makes shared bytes. Small ones of one round are neighbours in a block: a connection that sends them all sends one piece.
 */
export class Sharing {
  readonly #small: RoundBlock;

  constructor(arena: WriteArena) {
    this.#small = new RoundBlock(arena);
  }

  /** A copy of pieces that follow each other. @throws TypeError `ERR_INVALID_ARG_TYPE` */
  join(pieces: readonly Payload[]): SharedBytes {
    let chunk: ArenaBlock | undefined;
    const memory = joinPieces(pieces, (byteLength) => {
      if (byteLength > SMALL_BYTES_MAX) {
        return new Slab(byteLength).u8.subarray(0, byteLength);
      }
      chunk = this.#small.withRoom(byteLength);
      return chunk.memory.subarray(chunk.used, chunk.used + byteLength);
    });
    if (chunk === undefined) {
      return this.#own(memory);
    }
    const { byteLength } = memory;
    const address = chunk.address + chunk.used;
    chunk.used += byteLength;
    chunk.retain();
    return { memory, address, byteLength, holder: chunk };
  }

  /** Bytes in memory that does not move; small ones are copied. */
  of(memory: Uint8Array): SharedBytes {
    return memory.byteLength > SMALL_BYTES_MAX ? this.#own(memory) : this.join([memory]);
  }

  #own(memory: Uint8Array): SharedBytes {
    const { byteLength } = memory;
    keepFramed(memory.buffer);
    const holder = ownerOf(memory);
    return { memory, address: holder.address, byteLength, holder };
  }

  /** The round is over. */
  rest(): void {
    this.#small.rest();
  }
}
