/**
 * Memory for the data of records whose beginning came earlier than their end, because it may not fit where the end is. In a
 * stream of bytes that is one record of each receive. The memory is lent with the data, as receive buffers are: a handler
 * that returns a promise, or a send, may keep it, and after the last of them it is used again.
 */

import type { Buffer } from 'node:buffer';
import { assert } from '../base/assert.js';
import { BufferViews } from '../base/buffer-views.js';
import { type LentBuffer, markLent, RELEASED_BYTE } from '../base/lent-memory.js';
import { RefCounted } from '../base/ref-counted.js';
import { Slab } from '../ffi/memory.js';
import { undetachable } from '../ffi/undetachable.js';
import { RECORD_PLAIN_BYTES_MAX } from './records.js';

/** Buffers of a thread. If more records wait, theirs is memory of their own. */
const BUFFERS = 16;

let poisoned = false;

/** From now on, memory that is released is overwritten, so that its use shows. */
export function poisonRecordMemory(): void {
  poisoned = true;
}

/** Memory for the data of one record, while it is lent. */
export class RecordBuffer extends RefCounted implements LentBuffer {
  readonly address: number;
  readonly sizeBytes = RECORD_PLAIN_BYTES_MAX;
  readonly #memory: RecordMemory;
  readonly #views: BufferViews;
  readonly #offset: number;
  #lastView: Buffer | undefined;
  #lastViewBytes = 0;

  constructor(memory: RecordMemory, views: BufferViews, slab: Slab, offset: number) {
    super();
    this.#memory = memory;
    this.#views = views;
    this.#offset = offset;
    this.address = slab.address + offset;
  }

  /** A view of the first bytes. After the last release it shows other data. */
  view(byteLength: number): Buffer {
    // Most records of a stream have the same size.
    let view = this.#lastView;
    if (view === undefined || this.#lastViewBytes !== byteLength) {
      view = this.#viewAt(0, byteLength);
      this.#lastView = view;
      this.#lastViewBytes = byteLength;
    }
    return view;
  }

  #viewAt(offset: number, byteLength: number): Buffer {
    assert(this.references > 0);
    assert(offset >= 0);
    assert(offset + byteLength <= RECORD_PLAIN_BYTES_MAX);
    return this.#views.at(this.#offset + offset, byteLength);
  }

  protected override returned(): void {
    if (poisoned) {
      this.#views.at(this.#offset, RECORD_PLAIN_BYTES_MAX).fill(RELEASED_BYTE);
    }
    this.#memory.give(this);
  }

  override bytesAt(address: number, byteLength: number): Uint8Array {
    return this.#viewAt(address - this.address, byteLength);
  }
}

/** The buffers of one thread. */
export class RecordMemory {
  /** A stack: the buffer that was released last is the likeliest to be in the processor's cache. */
  #free: RecordBuffer[] | undefined;
  /** Buffers that are lent now. */
  lent = 0;

  /** Lends a buffer, with one reference; undefined if all are lent. */
  take(): RecordBuffer | undefined {
    this.#free ??= this.#allocate();
    const buffer = this.#free.pop();
    if (buffer !== undefined) {
      assert(buffer.references === 0);
      buffer.references = 1;
      this.lent++;
    }
    return buffer;
  }

  give(buffer: RecordBuffer): void {
    assert(this.lent > 0);
    this.lent--;
    this.#free?.push(buffer);
  }

  #allocate(): RecordBuffer[] {
    let slab: Slab;
    try {
      slab = new Slab(BUFFERS * RECORD_PLAIN_BYTES_MAX, 8, undetachable);
    } catch (error) {
      if (error instanceof RangeError) {
        // The address space is used up. Small memory for each record may still be had.
        return [];
      }
      throw error;
    }
    markLent(slab.u8.buffer);
    const views = new BufferViews(slab.u8);
    return Array.from(
      { length: BUFFERS },
      (_, index) => new RecordBuffer(this, views, slab, index * RECORD_PLAIN_BYTES_MAX),
    );
  }
}
