/** The port's receive buffers: equal pieces of one slab, lent with a completion and counted by references. */

import type { Buffer } from 'node:buffer';
import { assert } from '../assert.js';
import type { ReceiveBuffers } from '../drivers/driver.js';
import { Slab } from '../ffi/memory.js';
import { Views } from '../ffi/views.js';
import { Held } from './held.js';

/** What released buffers are filled with in the debug mode. */
export const RELEASED_BYTE = 0xdd;

/**
 * Buffers lie one cache line further apart than they are long: at a power of two, the first lines of all of them, which
 * small messages use, would share a few places of the processor's cache.
 */
const CACHE_LINE_BYTES = 64;

/** One receive buffer while it is lent. */
export class PoolBuffer extends Held {
  /** @internal */
  readonly index: number;
  /** @internal */
  readonly address: number;
  readonly #pool: BufferPool;
  #lastView: Buffer | undefined;

  /** @internal */
  constructor(pool: BufferPool, index: number) {
    super();
    this.#pool = pool;
    this.index = index;
    this.address = pool.address + index * pool.strideBytes;
  }

  /** Bytes of the whole buffer. */
  get sizeBytes(): number {
    return this.#pool.sizeBytes;
  }

  /** A view of `byteLength` bytes from `offset`. It shows other data once the buffer is released. */
  view(byteLength: number, offset = 0): Buffer {
    assert(this.references > 0, 'View of a buffer that is released');
    if (offset !== 0) {
      return this.#pool.view(this.index, offset, byteLength);
    }
    // Messages of a program are often of one size, and a view costs more than many a handler. (V8 reads a `length` itself,
    // and calls for a `byteLength`.)
    if (this.#lastView?.length !== byteLength) {
      this.#lastView = this.#pool.view(this.index, 0, byteLength);
    }
    return this.#lastView;
  }

  /** @internal It goes back to the pool. */
  protected override returned(): void {
    this.#pool.returned(this);
  }
}

/** The memory of all pools of this thread, and how many there have been. */
const memories = new WeakSet<ArrayBufferLike>();
let pools = 0;

/** With more than this share of the buffers lent, the pool is short. */
const SHORT_SHARE = 0.75;

export class BufferPool implements ReceiveBuffers {
  readonly count: number;
  readonly sizeBytes: number;
  readonly strideBytes: number;
  readonly shortAt: number;
  readonly #slab: Slab;
  /** What views of buffers are made of, and where it begins there: asking a typed array for that is a call into V8. */
  readonly #memory: ArrayBufferLike;
  readonly #start: number;
  readonly #views: Views;
  readonly #buffers: PoolBuffer[] = [];
  readonly #fillReleased: boolean;
  #give: (index: number) => void = () => undefined;
  /** Buffers that are lent at this moment. */
  lent = 0;

  constructor(count: number, sizeBytes: number, fillReleased: boolean) {
    this.count = count;
    this.sizeBytes = sizeBytes;
    this.strideBytes = sizeBytes + CACHE_LINE_BYTES;
    this.shortAt = Math.floor(count * SHORT_SHARE);
    this.#fillReleased = fillReleased;
    this.#slab = new Slab(count * this.strideBytes, 4096);
    this.#memory = this.#slab.u8.buffer;
    this.#start = this.#slab.u8.byteOffset;
    this.#views = new Views(this.#slab.u8);
    memories.add(this.#memory);
    pools++;
    for (let index = 0; index < count; index++) {
      this.#buffers.push(new PoolBuffer(this, index));
    }
  }

  get address(): number {
    return this.#slab.address;
  }

  get memory(): Uint8Array {
    return this.#slab.u8;
  }

  /** The address of bytes of this pool. */
  addressOf(bytes: Uint8Array): number {
    return this.#slab.address + bytes.byteOffset - this.#start;
  }

  /** Where returned buffers go; it may post, but not call back. */
  onReturn(give: (index: number) => void): void {
    this.#give = give;
  }

  /** A buffer that the driver filled goes up, with one holder. */
  lend(index: number): PoolBuffer {
    const buffer = this.#buffers[index] as PoolBuffer;
    assert(buffer.references === 0);
    buffer.references = 1;
    this.lent++;
    return buffer;
  }

  /** The buffer that `bytes` are a view of, if they are one. */
  bufferOf(bytes: Uint8Array): PoolBuffer | undefined {
    // A view of nothing at the end of one buffer begins where the next one does.
    if (bytes.length === 0 || bytes.buffer !== this.#memory) {
      return undefined;
    }
    return this.#buffers[Math.floor((bytes.byteOffset - this.#start) / this.strideBytes)];
  }

  /** Bytes that may be kept: those in a buffer that another port lent are copied, as that port would not know of it. */
  kept(bytes: Uint8Array): Uint8Array {
    const lentElsewhere = pools > 1 && bytes.buffer !== this.#memory && memories.has(bytes.buffer);
    return lentElsewhere ? new Uint8Array(bytes) : bytes;
  }

  view(index: number, offset: number, byteLength: number): Buffer {
    assert(offset >= 0 && byteLength >= 0 && offset + byteLength <= this.sizeBytes);
    return this.#views.at(index * this.strideBytes + offset, byteLength);
  }

  returned(buffer: PoolBuffer): void {
    if (this.#fillReleased) {
      this.view(buffer.index, 0, this.sizeBytes).fill(RELEASED_BYTE);
    }
    this.lent--;
    this.#give(buffer.index);
  }
}
