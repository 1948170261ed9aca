/**
 * Memory of small writes: what a program writes in pieces, text above all, is gathered in chunks that never move, so
 * that it leaves as one piece and nothing is allocated for it. Chunks are cut from slabs, which come and go with need.
 */

import { Buffer } from 'node:buffer';
import { assert } from '../assert.js';
import { Slab } from '../ffi/memory.js';
import { Held } from '../port/held.js';

/** Bytes of one chunk. */
export const CHUNK_BYTES = 4096;

/** Chunks of one slab: a quarter of a MiB. */
const CHUNKS_PER_SLAB = 64;

/** One chunk: its holder appends behind what is on its way already. */
export class WriteChunk extends Held {
  readonly memory: Buffer;
  readonly address: number;
  /** Bytes that are in use, from the start. */
  used = 0;
  readonly #slab: ChunkSlab;

  constructor(slab: ChunkSlab, memory: Buffer, address: number) {
    super();
    this.#slab = slab;
    this.memory = memory;
    this.address = address;
  }

  protected override returned(): void {
    this.#slab.give(this);
  }
}

class ChunkSlab {
  readonly #chunks: WriteChunks;
  readonly free: WriteChunk[] = [];

  constructor(chunks: WriteChunks) {
    this.#chunks = chunks;
    const slab = new Slab(CHUNKS_PER_SLAB * CHUNK_BYTES, 64);
    for (let index = 0; index < CHUNKS_PER_SLAB; index++) {
      const { buffer, byteOffset } = slab.u8;
      const memory = Buffer.from(buffer, byteOffset + index * CHUNK_BYTES, CHUNK_BYTES);
      this.free.push(new WriteChunk(this, memory, slab.address + index * CHUNK_BYTES));
    }
  }

  get unused(): boolean {
    return this.free.length === CHUNKS_PER_SLAB;
  }

  give(chunk: WriteChunk): void {
    this.free.push(chunk);
    this.#chunks.given(this);
  }
}

export class WriteChunks {
  /** Slabs with a free chunk; the last one is taken from. */
  readonly #slabs: ChunkSlab[] = [];
  /** Chunks that are held. */
  held = 0;

  /** A chunk with one holder, empty. */
  take(): WriteChunk {
    let slab = this.#slabs.at(-1);
    if (slab === undefined) {
      slab = new ChunkSlab(this);
      this.#slabs.push(slab);
    }
    const chunk = slab.free.pop() as WriteChunk;
    if (slab.free.length === 0) {
      this.#slabs.pop();
    }
    assert(chunk.references === 0);
    chunk.references = 1;
    chunk.used = 0;
    this.held++;
    return chunk;
  }

  /** A chunk of a slab came back. A slab of which nothing is used goes, unless it is the only such one: a spare. */
  given(slab: ChunkSlab): void {
    this.held--;
    if (slab.free.length === 1) {
      // It had none before, and so was not listed.
      this.#slabs.push(slab);
    } else if (slab.unused && this.#slabs.some((other) => other !== slab && other.unused)) {
      this.#slabs.splice(this.#slabs.indexOf(slab), 1);
    }
  }
}
