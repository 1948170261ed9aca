/**
 * Receives: each is a WSARecv with the small buffer of its socket. What comes is copied into a buffer of the pool, and
 * what more is there is drained straight into it.
 */

import { ensureCapacity } from '../../base/typed-arrays.js';
import { Slab } from '../../ffi/memory.js';
import { WSA_IO_PENDING, WSAENOBUFS, WSAEWOULDBLOCK } from '../../ffi/windows/constants.js';
import { WSABUF } from '../../ffi/windows/structs.js';
import { ws2_32 } from '../../ffi/windows/ws2_32.js';
import type { FreeBuffers } from '../common/free-buffers.js';
import type { WindowsSockets } from '../windows/sockets.js';
import { POSTED_BYTES, PostedBuffers } from './posted-buffers.js';

/** How a receive stands: it waits in the system, or there is something to take. */
export const WAITS = 0;
export const READY = 1;

export class Receives {
  readonly #sockets: WindowsSockets;
  readonly #buffers: FreeBuffers;
  readonly #skipsSuccess: boolean;
  readonly #ws2_32 = ws2_32();
  readonly #posted = new PostedBuffers();
  /** 1 where a buffer was filled whole, so that more is likely to be there. */
  #mayHaveMore = new Uint8Array(128);
  /** Errors that were met while more was drained, for the next receive: the system tells them once. */
  readonly #errors = new Map<number, number>();
  readonly #wsabuf = new Slab(WSABUF.size);
  /** Bytes received, and flags. */
  readonly #results = new Slab(8);
  /** The buffer that the last `take` filled; -1 when none. */
  buffer = -1;

  constructor(sockets: WindowsSockets, buffers: FreeBuffers, skipsSuccess: boolean) {
    this.#sockets = sockets;
    this.#buffers = buffers;
    this.#skipsSuccess = skipsSuccess;
    this.#wsabuf.u32[WSABUF.len >> 2] = POSTED_BYTES;
  }

  /** A new socket with this number. */
  associate(socket: number): void {
    this.#posted.reach(socket);
    this.#mayHaveMore = ensureCapacity(this.#mayHaveMore, socket);
    this.#mayHaveMore[socket] = 0;
    this.#errors.delete(socket);
  }

  /** Posts a receive, if there is nothing to take yet. Returns WAITS, READY, or an error, negated. */
  post(socket: number, overlapped: number): number {
    if (this.#mayHaveMore[socket] === 1 || this.#posted.heldOf(socket) > 0 || this.#errors.has(socket)) {
      return READY;
    }
    return this.#await(socket, overlapped);
  }

  #await(socket: number, overlapped: number): number {
    const { address, u32 } = this.#results;
    u32[1] = 0;
    this.#wsabuf.setAddress(WSABUF.buf, this.#posted.addressOf(socket));
    const { handle } = this.#sockets.records.of(socket);
    if (this.#ws2_32.WSARecv(handle, this.#wsabuf.address, 1, address, address + 4, overlapped, 0) !== 0) {
      const number = this.#ws2_32.WSAGetLastError();
      return number === WSA_IO_PENDING ? WAITS : -number;
    }
    if (!this.#skipsSuccess) {
      return WAITS;
    }
    this.arrived(socket, u32[0] as number);
    return READY;
  }

  /** The posted receive has completed. */
  arrived(socket: number, byteLength: number): void {
    if (byteLength > 0) {
      this.#posted.hold(socket, byteLength);
    } else {
      // The end of the stream: asking again tells it.
      this.#mayHaveMore[socket] = 1;
    }
  }

  /**
   * Takes what is there into a buffer of the pool, which is in `buffer` then. Returns bytes, 0 for the end of the
   * stream, or an error, negated: WSAEWOULDBLOCK when there is nothing after all.
   */
  take(socket: number): number {
    this.buffer = -1;
    const error = this.#errors.get(socket);
    if (error !== undefined) {
      this.#errors.delete(socket);
      return error;
    }
    if (this.#buffers.count === 0) {
      return -WSAENOBUFS;
    }
    const received = this.#fill(socket);
    if (received > 0) {
      this.#mayHaveMore[socket] = received === this.#buffers.sizeBytes ? 1 : 0;
      this.buffer = this.#buffers.take();
    } else if (received === -WSAEWOULDBLOCK) {
      this.#mayHaveMore[socket] = 0;
    }
    return received;
  }

  #fill(socket: number): number {
    const buffers = this.#buffers;
    const { memory, sizeBytes } = buffers;
    const held = Math.min(this.#posted.heldOf(socket), sizeBytes);
    if (held > 0) {
      this.#posted.take(socket, memory, buffers.nextOffset(), held);
      if (held < POSTED_BYTES || held === sizeBytes) {
        return held;
      }
    }
    const { handle } = this.#sockets.records.of(socket);
    const drained = this.#ws2_32.recv(handle, buffers.nextAddress() + held, sizeBytes - held, 0);
    if (drained >= 0) {
      // An end behind bytes is told by the next receive.
      return held + drained;
    }
    const number = this.#ws2_32.WSAGetLastError();
    if (held === 0) {
      return -number;
    }
    if (number !== WSAEWOULDBLOCK) {
      this.#errors.set(socket, -number);
    }
    return held;
  }
}
