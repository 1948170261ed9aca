/** The port's receive buffers: parts of equal size of one slab, lent with completions and counted by references. */

import type { Buffer } from 'node:buffer';
import { misuse } from '../base/argument-errors.js';
import { assert } from '../base/assert.js';
import { BufferViews } from '../base/buffer-views.js';
import { lengthOf, memoryOf, offsetOf } from '../base/bytes.js';
import { OperationError } from '../base/errors.js';
import { isLentMemory, markLent, RELEASED_BYTE } from '../base/lent-memory.js';
import { RefCounted } from '../base/ref-counted.js';
import type { ReceiveBuffers } from '../drivers/driver.js';
import { Slab } from '../ffi/memory.js';
import { undetachable } from '../ffi/undetachable.js';

/**
 * Space between two buffers. If their distance were a power of two, the first cache lines of all buffers, which small
 * messages use, would compete for a few sets of the processor's cache.
 */
const CACHE_LINE_BYTES = 64;

let poolBehind: (buffer: PoolBuffer) => BufferPool;

/** The pool of a buffer, for a look at some of its bytes without a view of them. */
export function poolOf(buffer: PoolBuffer): BufferPool {
  return poolBehind(buffer);
}

/** One receive buffer while it is lent. */
export class PoolBuffer extends RefCounted {
  static {
    poolBehind = (buffer) => buffer.#pool;
  }

  /** @internal */
  readonly index: number;
  /** @internal */
  readonly address: number;
  readonly #pool: BufferPool;
  #lastView: Buffer | undefined;
  #lastViewBytes = 0;

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

  /** A view of `byteLength` bytes from `offset`. After the buffer was released it shows other data. */
  view(byteLength: number, offset = 0): Buffer {
    assert(this.references > 0, 'View of a buffer that is released');
    if (offset !== 0) {
      return this.#pool.view(this.index, offset, byteLength);
    }
    // Messages of a program often have the same size, and creating a view can cost more than the handler. The length is kept
    // here, because programs have had the view and can redefine its `length`.
    let view = this.#lastView;
    if (view === undefined || this.#lastViewBytes !== byteLength) {
      view = this.#pool.view(this.index, 0, byteLength);
      this.#lastView = view;
      this.#lastViewBytes = byteLength;
    }
    return view;
  }

  /** @internal */
  protected override returned(): void {
    this.#pool.returned(this);
  }

  /** @internal */
  override bytesAt(address: number, byteLength: number): Uint8Array {
    return this.view(byteLength, address - this.address);
  }
}

/** @throws OperationError `ENOMEM` */
function poolSlab(byteLength: number): Slab {
  try {
    return new Slab(byteLength, 4096, undetachable);
  } catch (error) {
    if (!(error instanceof RangeError)) {
      throw error;
    }
    throw new OperationError({
      code: 'ENOMEM',
      reason: `No memory for the receive buffers: ${byteLength} bytes (bufferCount, bufferSizeBytes; ulimit -v)`,
      syscall: 'create port',
    });
  }
}

/** The pool is short when more than this share of its buffers is lent. */
const SHORT_SHARE = 0.75;

/** Takes released buffers back. It may post operations, but must not call the program. */
export interface BufferReceiver {
  bufferReturned(index: number): void;
}

export class BufferPool implements ReceiveBuffers {
  readonly count: number;
  readonly sizeBytes: number;
  readonly strideBytes: number;
  readonly shortAt: number;
  readonly #slab: Slab;
  /** The slab's ArrayBuffer, and the slab's offset in it: reading these from a typed array is a call into V8. */
  readonly #memory: ArrayBufferLike;
  readonly #start: number;
  readonly #views: BufferViews;
  readonly #buffers: PoolBuffer[] = [];
  readonly #fillReleased: boolean;
  #receiver: BufferReceiver | undefined;
  /** Buffers that are lent now. */
  lent = 0;

  constructor(count: number, sizeBytes: number, fillReleased: boolean) {
    this.count = count;
    this.sizeBytes = sizeBytes;
    this.strideBytes = sizeBytes + CACHE_LINE_BYTES;
    this.shortAt = Math.floor(count * SHORT_SHARE);
    this.#fillReleased = fillReleased;
    this.#slab = poolSlab(count * this.strideBytes);
    this.#memory = this.#slab.u8.buffer;
    this.#start = this.#slab.u8.byteOffset;
    this.#views = new BufferViews(this.#slab.u8);
    markLent(this.#memory);
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
    return this.#slab.address + offsetOf(bytes) - this.#start;
  }

  /** Sets where released buffers go. */
  returnTo(receiver: BufferReceiver): void {
    this.#receiver = receiver;
  }

  /** Lends a buffer that the driver has filled, with one reference. */
  lend(index: number): PoolBuffer {
    const buffer = this.#buffers[index] as PoolBuffer;
    assert(buffer.references === 0);
    buffer.references = 1;
    this.lent++;
    return buffer;
  }

  /**
   * The buffer that `bytes` are a view of; undefined when they are not in this pool.
   * @throws TypeError `ERR_INVALID_ARG_VALUE` when they are in this pool, but not in a single buffer
   */
  bufferOf(bytes: Uint8Array): PoolBuffer | undefined {
    // An empty view at the end of one buffer begins where the next one does.
    const byteLength = lengthOf(bytes);
    if (byteLength === 0 || memoryOf(bytes) !== this.#memory) {
      return undefined;
    }
    const offset = offsetOf(bytes) - this.#start;
    const index = Math.floor(offset / this.strideBytes);
    const buffer = this.#buffers[index];
    if (buffer === undefined || offset - index * this.strideBytes + byteLength > this.sizeBytes) {
      throw misuse(
        'data: expected bytes of one received chunk, got bytes of the pool around it: the buffer of a chunk is the memory of all chunks',
      );
    }
    return buffer;
  }

  /** Whether the bytes are lent by others. They must be copied: their lender would not know that they are still in use. */
  isOfAnother(bytes: Uint8Array): boolean {
    const memory = memoryOf(bytes);
    return memory !== this.#memory && isLentMemory(memory);
  }

  view(index: number, offset: number, byteLength: number): Buffer {
    assert(offset >= 0);
    assert(byteLength >= 0);
    assert(offset + byteLength <= this.sizeBytes);
    return this.#views.at(index * this.strideBytes + offset, byteLength);
  }

  returned(buffer: PoolBuffer): void {
    if (this.#fillReleased) {
      this.view(buffer.index, 0, this.sizeBytes).fill(RELEASED_BYTE);
    }
    assert(this.lent > 0);
    this.lent--;
    this.#receiver?.bufferReturned(buffer.index);
  }
}
