/**
 * The seed's per-I/O data: for each operation slot a record that begins with its OVERLAPPED. The system gives the
 * record's address back with the completion, and the slot follows from the address by arithmetic.
 */

import { assert } from '../../base/assert.js';
import { Slab } from '../../ffi/memory.js';
import { OVERLAPPED } from '../../ffi/windows/structs.js';

/** A record is one line of the processor's cache: the OVERLAPPED, then fields of our own, in words of four bytes. */
const RECORD_BYTES = 64;
export const STATUS_WORD = OVERLAPPED.Internal >> 2;
export const KIND_WORD = OVERLAPPED.size >> 2;
export const GENERATION_WORD = KIND_WORD + 1;
export const SOCKET_WORD = KIND_WORD + 2;
export const CANCELLED_WORD = KIND_WORD + 3;

const RECORDS_FIRST = 256;
const RECORDS_FIRST_SHIFT = 8;

/** Records in chunks, each as large as all before it: what the system may write to never moves. */
export class PerIoData {
  readonly #chunks: Slab[] = [new Slab(RECORDS_FIRST * RECORD_BYTES, RECORD_BYTES)];
  /** What the last `seek` found: the words of the record's chunk, and its address. */
  words: Int32Array = (this.#chunks[0] as Slab).i32;
  address = 0;

  /** Goes to a slot's record, which may be new; returns its first word in `words`. */
  seek(slot: number): number {
    const index = slot < RECORDS_FIRST ? 0 : 32 - Math.clz32(slot >> RECORDS_FIRST_SHIFT);
    while (index >= this.#chunks.length) {
      this.#chunks.push(new Slab((RECORDS_FIRST << (this.#chunks.length - 1)) * RECORD_BYTES, RECORD_BYTES));
    }
    const chunk = this.#chunks[index] as Slab;
    const offset = (slot - firstOf(index)) * RECORD_BYTES;
    this.words = chunk.i32;
    this.address = chunk.address + offset;
    return offset >> 2;
  }

  /** The slot of the record at `address`; -1 when none is there. */
  slotOf(address: number): number {
    // The last chunk holds half of all slots.
    for (let index = this.#chunks.length - 1; index >= 0; index--) {
      const chunk = this.#chunks[index] as Slab;
      const offset = address - chunk.address;
      if (offset >= 0 && offset < chunk.byteLength) {
        assert(offset % RECORD_BYTES === 0);
        return firstOf(index) + offset / RECORD_BYTES;
      }
    }
    return -1;
  }
}

/** The first slot of a chunk. */
function firstOf(index: number): number {
  return index === 0 ? 0 : RECORDS_FIRST << (index - 1);
}

/** Prepares an OVERLAPPED for its next operation. */
export function clearOverlapped(words: Int32Array, at: number): void {
  words.fill(0, at, at + (OVERLAPPED.size >> 2));
}
