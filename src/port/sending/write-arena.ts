/**
 * Memory for bytes that are copied before they are sent. Data that a program writes in small parts, mostly text, is appended
 * to blocks that never move, so it leaves as one piece and nothing is allocated for it. The sizes of blocks are powers of two.
 * Blocks are cut from slabs, which are allocated and dropped as needed.
 */

import { Buffer } from 'node:buffer';
import { assert } from '../../base/assert.js';
import { partAt, RefCounted } from '../../base/ref-counted.js';
import { Slab } from '../../ffi/memory.js';

/** Bytes of the smallest block, and of the largest. */
export const BLOCK_BYTES = 4096;
export const BLOCK_BYTES_MAX = 256 * 1024;

const BLOCK_BYTES_SHIFT = Math.log2(BLOCK_BYTES);
const SIZES = Math.log2(BLOCK_BYTES_MAX / BLOCK_BYTES) + 1;

/** The blocks of a slab, without the space between them. */
const SLAB_BYTES = 256 * 1024;

/** Space between two blocks, so that their first bytes do not compete for the same lines of the processor's cache. */
const CACHE_LINE_BYTES = 64;

assert(Number.isInteger(BLOCK_BYTES_SHIFT));
assert(Number.isInteger(SLAB_BYTES / BLOCK_BYTES_MAX));

/**
 * Unused slabs of one block size that are kept, if no more than that are in use: the page faults of a new slab cost more than
 * the copying into it. Connections that are idle now had blocks of the smallest size only.
 */
const SPARE_SLABS_MAX = 8;
const SPARE_SLABS_OF_SMALLEST_MAX = 2;

/** One block: its owner appends after the bytes that are being sent already. */
export class ArenaBlock extends RefCounted {
  readonly memory: Buffer;
  readonly address: number;
  /** Bytes in use, from the start. */
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

  override bytesAt(address: number, byteLength: number): Uint8Array {
    return partAt(this.memory, this.address, address, byteLength);
  }
}

class ArenaSlab {
  readonly size: number;
  readonly free: ArenaBlock[] = [];
  readonly #arena: WriteArena;
  readonly #count: number;

  /** @param size of its blocks: 0 is the smallest, each next one twice as large */
  constructor(arena: WriteArena, size: number) {
    this.#arena = arena;
    this.size = size;
    const blockBytes = BLOCK_BYTES << size;
    this.#count = SLAB_BYTES / blockBytes;
    const strideBytes = blockBytes + CACHE_LINE_BYTES;
    const slab = new Slab(this.#count * strideBytes, CACHE_LINE_BYTES);
    const { buffer, byteOffset } = slab.u8;
    for (let index = 0; index < this.#count; index++) {
      const offset = index * strideBytes;
      const memory = Buffer.from(buffer, byteOffset + offset, blockBytes);
      this.free.push(new ArenaBlock(this, memory, slab.address + offset));
    }
  }

  get unused(): boolean {
    return this.free.length === this.#count;
  }

  give(block: ArenaBlock): void {
    this.free.push(block);
    this.#arena.given(this);
  }
}

/** The slabs of one block size. */
class BlockSize {
  readonly #sparesMax: number;
  /** Slabs with a free block; the last one is taken from. */
  readonly slabs: ArenaSlab[] = [];
  /** All slabs of this size. */
  #count = 0;
  /** Slabs without a block in use. */
  #unused = 0;

  constructor(sparesMax: number) {
    this.#sparesMax = sparesMax;
  }

  take(arena: WriteArena, size: number): ArenaBlock {
    let slab = this.slabs.at(-1);
    if (slab === undefined) {
      slab = new ArenaSlab(arena, size);
      this.slabs.push(slab);
      this.#count++;
      this.#unused++;
    }
    if (slab.unused) {
      this.#unused--;
    }
    const block = slab.free.pop() as ArenaBlock;
    if (slab.free.length === 0) {
      this.slabs.pop();
    }
    return block;
  }

  /** A block of a slab was returned. */
  given(slab: ArenaSlab): void {
    if (slab.free.length === 1) {
      // It had no free block before, so it was not listed.
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
  blocksInUse = 0;

  /**
   * Takes an empty block with one reference. It has at least `byteLength` bytes, and less than twice as many unless it is of
   * the smallest size.
   */
  take(byteLength = BLOCK_BYTES): ArenaBlock {
    assert(byteLength <= BLOCK_BYTES_MAX);
    const size = 32 - Math.clz32((byteLength - 1) >> BLOCK_BYTES_SHIFT);
    const block = (this.#sizes[size] as BlockSize).take(this, size);
    assert(block.references === 0);
    block.references = 1;
    block.used = 0;
    this.blocksInUse++;
    return block;
  }

  /** A block of a slab was returned. */
  given(slab: ArenaSlab): void {
    assert(this.blocksInUse > 0);
    this.blocksInUse--;
    (this.#sizes[slab.size] as BlockSize).given(slab);
  }
}
