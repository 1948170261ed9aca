/** The port's receive buffers, offered to the kernel in a ring: it takes one when data arrives (kernel 5.19). */

import { assert } from '../../assert.js';
import { IORING_REGISTER_PBUF_RING } from '../../ffi/linux/io-uring.js';
import { io_uring_buf, io_uring_buf_reg } from '../../ffi/linux/structs.js';
import { Slab } from '../../ffi/memory.js';
import type { ReceiveBuffers } from '../driver.js';
import { linuxErrors } from '../linux/errors.js';
import type { Ring } from './ring.js';

/** The one group of buffers in a ring. */
export const BUFFER_GROUP = 0;

/** The kernel's limit on entries of a buffer ring. */
export const BUFFERS_MAX = 32768;

const PAGE_BYTES = 4096;
/** Half-word of the ring's tail: it lies over `resv` of the first entry. */
const TAIL_HALF = io_uring_buf.resv >> 1;

export class BufferRing {
  readonly #memory: Slab;
  readonly #mask: number;
  readonly #sizeBytes: number;
  /** Addresses of the buffers, in two words. */
  readonly #low: Int32Array;
  readonly #high: Int32Array;
  #tail = 0;
  /** Buffers that the kernel may still take, as far as completions have told. */
  free = 0;

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
    for (let index = 0; index < buffers.count; index++) {
      this.give(index);
    }
  }

  /** Offers a buffer. */
  give(index: number): void {
    const word = (this.#tail & this.#mask) * (io_uring_buf.size >> 2);
    const { i32, u16 } = this.#memory;
    i32[word] = this.#low[index] as number;
    i32[word + 1] = this.#high[index] as number;
    i32[word + 2] = this.#sizeBytes;
    u16[2 * word + (io_uring_buf.bid >> 1)] = index;
    this.#tail = (this.#tail + 1) & 0xffff;
    this.free++;
    Atomics.store(u16, TAIL_HALF, this.#tail);
  }
}
