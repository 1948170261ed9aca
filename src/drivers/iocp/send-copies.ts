/**
 * Copies of sends that wait in the system, for a port in a worker: the system reads them between calls, and the memory of
 * the program and of the port is freed when the worker is terminated. Peers would be sent whatever is there then.
 */

import type { Slab } from '../../ffi/memory.js';
import { kernel32 } from '../../ffi/windows/kernel32.js';
import { WSABUF } from '../../ffi/windows/structs.js';
import { setWsabuf } from '../windows/messages.js';
import { outlivingSlab } from '../windows/outliving-memory.js';

/** Maximum bytes of a send that waits. What the socket's buffer has room for is sent without a copy, so this is only the rest. */
const BLOCK_BYTES = 16 * 1024;
const BLOCKS_FIRST = 4;

export class SendCopies {
  /** Each slab has as many blocks as all before it. */
  readonly #slabs: Slab[] = [];
  readonly #free: number[] = [];
  #count = 0;

  /**
   * Copies the beginning of what the first `count` WSABUFs describe, and makes the first one describe the copy. Returns the
   * address of the copy, for `release`.
   */
  take(wsabufs: Slab, count: number): number {
    if (this.#free.length === 0) {
      this.#grow();
    }
    const block = this.#free.pop() as number;
    let byteLength = 0;
    for (let index = 0; index < count && byteLength < BLOCK_BYTES; index++) {
      const offset = index * WSABUF.size;
      const length = Math.min(wsabufs.u32[(offset + WSABUF.len) >> 2] as number, BLOCK_BYTES - byteLength);
      kernel32().RtlMoveMemory(block + byteLength, wsabufs.addressAt(offset + WSABUF.buf), length);
      byteLength += length;
    }
    setWsabuf(wsabufs, 0, block, byteLength);
    return block;
  }

  /** The send has ended. */
  release(block: number): void {
    this.#free.push(block);
  }

  #grow(): void {
    const count = Math.max(BLOCKS_FIRST, this.#count);
    const slab = outlivingSlab(count * BLOCK_BYTES);
    this.#slabs.push(slab);
    this.#count += count;
    for (let index = 0; index < count; index++) {
      this.#free.push(slab.address + index * BLOCK_BYTES);
    }
  }
}
