/**
 * A small buffer for each socket, which its receive is posted with, so that an idle connection holds no buffer of the
 * pool. Received bytes stay here until they are copied into a buffer of the pool, even if the receive is cancelled in
 * the meantime. A small buffer costs one call for each message, where a WSARecv of no bytes costs two. A large buffer
 * would cost more even for small messages.
 */

import { assert } from '../../base/assert.js';
import { ensureCapacity } from '../../base/typed-arrays.js';
import type { Slab } from '../../ffi/memory.js';
import { outlivingSlab } from '../windows/outliving-memory.js';

/** Bytes of each buffer. */
export const POSTED_BYTES = 512;

const CHUNK_SHIFT = 7;
const SOCKETS_PER_CHUNK = 1 << CHUNK_SHIFT;

export class PostedBuffers {
  readonly #chunks: Slab[] = [];
  /** Number of received bytes in each socket's buffer. */
  #held = new Uint16Array(SOCKETS_PER_CHUNK);

  /** Ensures room for a socket. Memory that the system may write to never moves. */
  reach(socket: number): void {
    while (socket >> CHUNK_SHIFT >= this.#chunks.length) {
      this.#chunks.push(outlivingSlab(SOCKETS_PER_CHUNK * POSTED_BYTES, 64));
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

  /** Moves the first `byteLength` received bytes into `target`; the rest moves to the front. */
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
