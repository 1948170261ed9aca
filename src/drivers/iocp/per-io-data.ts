/**
 * The seed's per-I/O data: a record for each operation slot, whose OVERLAPPED the system writes to. The system gives
 * the address of the OVERLAPPED back with the completion, and the record follows from the address by arithmetic.
 */

import { assert } from '../../base/assert.js';
import type { Slab } from '../../ffi/memory.js';
import { OVERLAPPED } from '../../ffi/windows/structs.js';
import { outlivingSlab } from '../windows/outliving-memory.js';

/** Kinds of operations. */
export const IDLE = 0;
export const CONNECT = 1;
export const RECEIVE = 2;
export const SEND = 3;

/** The processor's cache line: two OVERLAPPEDs in each, and none across two. */
const CACHE_LINE_BYTES = 64;
const OVERLAPPED_WORDS = OVERLAPPED.size >> 2;
const STATUS_WORD = OVERLAPPED.Internal >> 2;

const RECORDS_FIRST = 256;

/** The operation in one slot. */
export class PerIoRecord {
  readonly slot: number;
  /** Address of the OVERLAPPED. */
  readonly address: number;
  kind = IDLE;
  generation = 0;
  socket = -1;
  cancelled = false;
  /** Address of the copy that a send waits with; 0 if there is none. */
  copy = 0;
  readonly #words: Int32Array;
  readonly #first: number;

  /** @param first word of the OVERLAPPED in `words` */
  constructor(slot: number, address: number, words: Int32Array, first: number) {
    this.slot = slot;
    this.address = address;
    this.#words = words;
    this.#first = first;
  }

  /** The NTSTATUS that the system has left in the OVERLAPPED. */
  get status(): number {
    return this.#words[this.#first + STATUS_WORD] as number;
  }

  /** Prepares the OVERLAPPED for its next call. */
  clearOverlapped(): void {
    clearOverlapped(this.#words, this.#first);
  }
}

/** Records in chunks, each as large as all before it: memory that the system may write to never moves. */
export class PerIoData {
  readonly #chunks: Slab[] = [];
  /** By slot. */
  readonly #records: PerIoRecord[] = [];

  /** The record of a slot. */
  of(slot: number): PerIoRecord {
    while (slot >= this.#records.length) {
      this.#grow();
    }
    return this.#records[slot] as PerIoRecord;
  }

  #grow(): void {
    const first = this.#records.length;
    const chunk = outlivingSlab(Math.max(first, RECORDS_FIRST) * OVERLAPPED.size, CACHE_LINE_BYTES);
    this.#chunks.push(chunk);
    for (let offset = 0; offset < chunk.byteLength; offset += OVERLAPPED.size) {
      this.#records.push(new PerIoRecord(this.#records.length, chunk.address + offset, chunk.i32, offset >> 2));
    }
  }

  /** The record whose OVERLAPPED is at `address`; undefined if there is none. */
  at(address: number): PerIoRecord | undefined {
    // The last chunk holds half of all slots.
    for (let index = this.#chunks.length - 1; index >= 0; index--) {
      const chunk = this.#chunks[index] as Slab;
      const offset = address - chunk.address;
      if (offset >= 0 && offset < chunk.byteLength) {
        assert(offset % OVERLAPPED.size === 0);
        return this.#records[firstOf(index) + offset / OVERLAPPED.size];
      }
    }
    return undefined;
  }
}

/** The first slot of a chunk. */
function firstOf(index: number): number {
  return index === 0 ? 0 : RECORDS_FIRST << (index - 1);
}

/** Prepares the OVERLAPPED that begins at the word `first` for its next call. */
export function clearOverlapped(words: Int32Array, first: number): void {
  words.fill(0, first, first + OVERLAPPED_WORDS);
}
