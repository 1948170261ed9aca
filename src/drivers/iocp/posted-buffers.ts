/**
 * A small buffer for each socket, which its receive is posted with: an idle connection holds this one and none of the
 * pool. What came into it waits here until a buffer of the pool takes it, also when the receive was cancelled
 * meanwhile. Posting a small buffer costs one call a message where a WSARecv of no bytes costs two; a large one would
 * cost more with its size, also for small messages.
 */

import { assert } from '../../base/assert.js';
import { ensureCapacity } from '../../base/typed-arrays.js';
import { Slab } from '../../ffi/memory.js';

/** Bytes of each. */
export const POSTED_BYTES = 512;

const CHUNK_SHIFT = 7;
const SOCKETS_PER_CHUNK = 1 << CHUNK_SHIFT;

export class PostedBuffers {
  readonly #chunks: Slab[] = [];
  /** Bytes that have come and were not taken, by socket. */
  #held = new Uint16Array(SOCKETS_PER_CHUNK);

  /** Makes room for a socket. What the system may write to never moves. */
  reach(socket: number): void {
    while (socket >> CHUNK_SHIFT >= this.#chunks.length) {
      this.#chunks.push(new Slab(SOCKETS_PER_CHUNK * POSTED_BYTES, 64));
    }
    this.#held = ensureCapacity(this.#held, socket);
    this.#held[socket] = 0;
  }

  addressOf(socket: number): number {
    return (this.#chunks[socket >> CHUNK_SHIFT] as Slab).address + (socket % SOCKETS_PER_CHUNK) * POSTED_BYTES;
  }

  heldOf(socket: number): number {
    return this.#held[socket] as number;
  }

  hold(socket: number, byteLength: number): void {
    this.#held[socket] = byteLength;
  }

  /** Copies the first `byteLength` bytes of what is held into `target`; what is left moves to the front. */
  take(socket: number, target: Uint8Array, targetOffset: number, byteLength: number): void {
    const held = this.#held[socket] as number;
    assert(byteLength <= held);
    const start = (socket % SOCKETS_PER_CHUNK) * POSTED_BYTES;
    const { u8 } = this.#chunks[socket >> CHUNK_SHIFT] as Slab;
    target.set(u8.subarray(start, start + byteLength), targetOffset);
    u8.copyWithin(start, start + byteLength, start + held);
    this.#held[socket] = held - byteLength;
  }
}
