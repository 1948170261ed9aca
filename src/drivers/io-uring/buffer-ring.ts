/**
 * The port's receive buffers, offered to the kernel in a ring, from which it takes one when data arrives (kernel 5.19).
 *
 * The kernel takes buffers in the order in which they were offered. If all were in the ring, each would be used before
 * one is reused, and the process would need the memory of all. So only as many are offered as were used recently.
 */

import { assert } from '../../base/assert.js';
import { IORING_REGISTER_PBUF_RING } from '../../ffi/linux/io-uring.js';
import { io_uring_buf, io_uring_buf_reg } from '../../ffi/linux/structs.js';
import { HIGH_WORD, Slab } from '../../ffi/memory.js';
import type { ReceiveBuffers } from '../driver.js';
import { linuxErrors } from '../linux/errors.js';
import type { Ring } from './ring.js';

/** The one group of buffers in a ring. */
export const BUFFER_GROUP = 0;

/** The kernel's limit on entries of a buffer ring. */
export const BUFFERS_MAX = 32768;

const PAGE_BYTES = 4096;
/** Minimum number of offered buffers. */
const OFFERED_MIN = 64;
/** If more than SHORT_SHARE of the offered buffers were used since the last check, multiply the offer by GROWTH. */
const SHORT_SHARE = 0.75;
const GROWTH = 4;
/** Halve the offer after CHECKS_MAX checks in which it exceeded SPARE_MAX times the peak use. */
const CHECKS_MAX = 4096;
const SPARE_MAX = 8;
/** Half-word of the ring's tail: it lies over `resv` of the first entry. */
const TAIL_HALF = io_uring_buf.resv >> 1;
const ENTRY_WORDS = io_uring_buf.size >> 2;
const ADDR_WORD = io_uring_buf.addr >> 2;
const LEN_WORD = io_uring_buf.len >> 2;
const ENTRY_HALVES = io_uring_buf.size >> 1;
const BID_HALF = io_uring_buf.bid >> 1;

export class BufferRing {
  readonly #memory: Slab;
  readonly #mask: number;
  readonly #sizeBytes: number;
  /** Low and high words of the buffers' addresses. */
  readonly #low: Int32Array;
  readonly #high: Int32Array;
  #tail = 0;
  /** Buffers that the kernel may still take, according to the completions so far. */
  #offered = 0;
  /** A stack of the other free buffers: the one that was freed last is the likeliest to be in the processor's cache. */
  readonly #reserve: Int32Array;
  #reserved = 0;
  /** Number of buffers to be offered. */
  #wanted: number;
  /** Buffers used since the last check, and the peak between any two checks. */
  #taken = 0;
  #takenPeak = 0;
  #checks = 0;

  constructor(ring: Ring, buffers: ReceiveBuffers) {
    assert(buffers.count <= BUFFERS_MAX);
    const entries = 2 ** Math.ceil(Math.log2(Math.max(1, buffers.count)));
    this.#mask = entries - 1;
    this.#sizeBytes = buffers.sizeBytes;
    this.#memory = new Slab(Math.max(entries * io_uring_buf.size, PAGE_BYTES), PAGE_BYTES);
    this.#low = new Int32Array(buffers.count);
    this.#high = new Int32Array(buffers.count);
    for (let index = 0; index < buffers.count; index++) {
      const address = buffers.address + index * buffers.strideBytes;
      this.#low[index] = address % 0x1_0000_0000;
      this.#high[index] = Math.floor(address / 0x1_0000_0000);
    }
    const argument = new Slab(io_uring_buf_reg.size);
    argument.setAddress(io_uring_buf_reg.ring_addr, this.#memory.address);
    argument.u32[io_uring_buf_reg.ring_entries >> 2] = entries;
    argument.u16[io_uring_buf_reg.bgid >> 1] = BUFFER_GROUP;
    const result = ring.register(IORING_REGISTER_PBUF_RING, argument, 1);
    if (result < 0) {
      throw linuxErrors.create(-result, 'io_uring_register');
    }
    this.#reserve = new Int32Array(buffers.count);
    for (let index = buffers.count - 1; index >= 0; index--) {
      this.give(index);
    }
    this.#wanted = Math.min(OFFERED_MIN, buffers.count);
  }

  /** Buffers that are not in use. */
  get free(): number {
    return this.#offered + this.#reserved;
  }

  /** Buffers that the kernel may take. */
  get offered(): number {
    return this.#offered;
  }

  /** The kernel has taken a buffer. */
  took(): void {
    this.#offered--;
    this.#taken++;
  }

  /** A buffer is free again. */
  give(index: number): void {
    this.#reserve[this.#reserved++] = index;
  }

  /** Adjusts the offer. Call it before each entry into the kernel. */
  offer(): void {
    this.#takenPeak = Math.max(this.#takenPeak, this.#taken);
    if (this.#taken >= this.#wanted * SHORT_SHARE) {
      this.#wanted = Math.min(this.#reserve.length, this.#wanted * GROWTH);
      this.#forget();
    } else if (++this.#checks === CHECKS_MAX) {
      if (this.#takenPeak * SPARE_MAX < this.#wanted) {
        this.#wanted = Math.max(Math.min(OFFERED_MIN, this.#reserve.length), this.#wanted >> 1);
      }
      this.#forget();
    }
    this.#taken = 0;
    if (this.#offered < this.#wanted && this.#reserved > 0) {
      this.#fill();
    }
  }

  #forget(): void {
    this.#checks = 0;
    this.#takenPeak = 0;
  }

  #fill(): void {
    while (this.#offered < this.#wanted && this.#reserved > 0) {
      this.#add(this.#reserve[--this.#reserved] as number);
    }
    Atomics.store(this.#memory.u16, TAIL_HALF, this.#tail);
  }

  #add(index: number): void {
    const entry = this.#tail & this.#mask;
    const word = entry * ENTRY_WORDS;
    const { i32, u16 } = this.#memory;
    i32[word + ADDR_WORD] = this.#low[index] as number;
    i32[word + ADDR_WORD + HIGH_WORD] = this.#high[index] as number;
    i32[word + LEN_WORD] = this.#sizeBytes;
    u16[entry * ENTRY_HALVES + BID_HALF] = index;
    this.#tail = (this.#tail + 1) & 0xffff;
    this.#offered++;
  }
}
