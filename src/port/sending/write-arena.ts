/**
 * Memory of ours for what is to be sent. What a program writes in pieces, text above all, is gathered in chunks that never
 * move, so that it leaves as one piece and nothing is allocated for it. Chunks have sizes of powers of two, and are cut from
 * slabs, which come and go with need.
 */

import { Buffer } from 'node:buffer';
import { assert } from '../../base/assert.js';
import { RefCounted } from '../../base/ref-counted.js';
import { Slab } from '../../ffi/memory.js';

/** Bytes of the smallest chunk, and of the largest one. */
export const BLOCK_BYTES = 4096;
export const BLOCK_BYTES_MAX = 256 * 1024;

const BLOCK_BYTES_SHIFT = Math.log2(BLOCK_BYTES);
const SIZES = Math.log2(BLOCK_BYTES_MAX / BLOCK_BYTES) + 1;

const SLAB_BYTES = 256 * 1024;

/**
 * Slabs of one size of chunk that are kept while nothing of them is used, if no more are in use: the pages of a new slab cost
 * more than what is copied there. Idle connections have had chunks of the smallest size only.
 */
const SPARE_SLABS_MAX = 8;
const SPARE_SLABS_OF_SMALLEST_MAX = 2;

/** One chunk: its holder appends behind what is on its way already. */
export class ArenaBlock extends RefCounted {
  readonly memory: Buffer;
  readonly address: number;
  /** Bytes that are in use, from the start. */
  used = 0;
  readonly #slab: ArenaSlab;

  constructor(slab: ArenaSlab, memory: Buffer, address: number) {
    super();
    this.#slab = slab;
    this.memory = memory;
    this.address = address;
  }

  protected override returned(): void {
    this.#slab.give(this);
  }
}

class ArenaSlab {
  readonly size: number;
  readonly free: ArenaBlock[] = [];
  readonly #arena: WriteArena;
  readonly #count: number;

  /** @param size of its chunks: 0 is the smallest, each further one twice as large */
  constructor(chunks: WriteArena, size: number) {
    this.#arena = chunks;
    this.size = size;
    const chunkBytes = BLOCK_BYTES << size;
    this.#count = SLAB_BYTES / chunkBytes;
    const slab = new Slab(SLAB_BYTES, 64);
    const { buffer, byteOffset } = slab.u8;
    for (let offset = 0; offset < SLAB_BYTES; offset += chunkBytes) {
      const memory = Buffer.from(buffer, byteOffset + offset, chunkBytes);
      this.free.push(new ArenaBlock(this, memory, slab.address + offset));
    }
  }

  get unused(): boolean {
    return this.free.length === this.#count;
  }

  give(chunk: ArenaBlock): void {
    this.free.push(chunk);
    this.#arena.given(this);
  }
}

/** The slabs of one size of chunk. */
class BlockSize {
  readonly #sparesMax: number;
  /** Slabs with a free chunk; the last one is taken from. */
  readonly slabs: ArenaSlab[] = [];
  /** All slabs, and those of which nothing is used. */
  #count = 0;
  #unused = 0;

  constructor(sparesMax: number) {
    this.#sparesMax = sparesMax;
  }

  take(chunks: WriteArena, size: number): ArenaBlock {
    let slab = this.slabs.at(-1);
    if (slab === undefined) {
      slab = new ArenaSlab(chunks, size);
      this.slabs.push(slab);
      this.#count++;
      this.#unused++;
    }
    if (slab.unused) {
      this.#unused--;
    }
    const chunk = slab.free.pop() as ArenaBlock;
    if (slab.free.length === 0) {
      this.slabs.pop();
    }
    return chunk;
  }

  /** A chunk of a slab came back. */
  given(slab: ArenaSlab): void {
    if (slab.free.length === 1) {
      // It had none before, and so was not listed.
      this.slabs.push(slab);
    }
    if (!slab.unused) {
      return;
    }
    this.#unused++;
    if (this.#unused > Math.max(this.#sparesMax, this.#count - this.#unused)) {
      this.slabs.splice(this.slabs.indexOf(slab), 1);
      this.#count--;
      this.#unused--;
    }
  }
}

export class WriteArena {
  readonly #sizes = Array.from(
    { length: SIZES },
    (_, size) => new BlockSize(size === 0 ? SPARE_SLABS_OF_SMALLEST_MAX : SPARE_SLABS_MAX),
  );
  /** Chunks that are held. */
  blocksInUse = 0;

  /** A chunk with one holder, empty, of at least `byteLength` bytes and less than twice as many, if it is not the smallest. */
  take(byteLength = BLOCK_BYTES): ArenaBlock {
    assert(byteLength <= BLOCK_BYTES_MAX);
    const size = 32 - Math.clz32((byteLength - 1) >> BLOCK_BYTES_SHIFT);
    const chunk = (this.#sizes[size] as BlockSize).take(this, size);
    assert(chunk.references === 0);
    chunk.references = 1;
    chunk.used = 0;
    this.blocksInUse++;
    return chunk;
  }

  /** A chunk of a slab came back. */
  given(slab: ArenaSlab): void {
    this.blocksInUse--;
    (this.#sizes[slab.size] as BlockSize).given(slab);
  }
}
