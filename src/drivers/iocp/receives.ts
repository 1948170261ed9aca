/**
 * Receives: each is a WSARecv with the small buffer of its socket. Its bytes are copied into a buffer of the pool, and
 * further bytes are read straight into that buffer.
 */

import { ensureCapacity } from '../../base/typed-arrays.js';
import { Slab } from '../../ffi/memory.js';
import { WSA_IO_PENDING, WSAENOBUFS, WSAEWOULDBLOCK } from '../../ffi/windows/constants.js';
import { WSABUF } from '../../ffi/windows/structs.js';
import { ws2_32 } from '../../ffi/windows/ws2_32.js';
import type { FreeBuffers } from '../common/free-buffers.js';
import type { WindowsSockets } from '../windows/sockets.js';
import { POSTED_BYTES, PostedBuffers } from './posted-buffers.js';

/** State of a receive: pending in the system, or ready to be read. */
export const WAITS = 0;
export const READY = 1;

/** Memory for WSARecv's results: `lpNumberOfBytesRecvd` and `lpFlags`. */
const RESULTS = { bytes: 0, flags: 4, size: 8 } as const;

export class Receives {
  readonly #sockets: WindowsSockets;
  readonly #buffers: FreeBuffers;
  readonly #skipsSuccess: boolean;
  readonly #ws2_32 = ws2_32();
  readonly #posted = new PostedBuffers();
  /** 1 if the last read filled its buffer, so more bytes are likely to be there. */
  #mayHaveMore = new Uint8Array(128);
  /** 1 if the socket has received bytes. */
  #hasReceived = new Uint8Array(128);
  /** Errors of a read that had bytes too, kept for the next receive: the system reports an error once. */
  readonly #errors = new Map<number, number>();
  readonly #wsabuf = new Slab(WSABUF.size);
  readonly #results = new Slab(RESULTS.size);

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
    this.#hasReceived = ensureCapacity(this.#hasReceived, socket);
    this.#hasReceived[socket] = 0;
    this.#errors.delete(socket);
  }

  /** Whether the socket has received bytes. */
  hasReceived(socket: number): boolean {
    return this.#hasReceived[socket] === 1;
  }

  /** Posts a receive unless there are bytes to read already. Returns WAITS, READY, or an error, negated. */
  post(socket: number, overlapped: number): number {
    if (this.#mayHaveMore[socket] === 1 || this.#posted.heldOf(socket) > 0 || this.#errors.has(socket)) {
      return READY;
    }
    return this.#await(socket, overlapped);
  }

  #await(socket: number, overlapped: number): number {
    const { address, u32 } = this.#results;
    u32[RESULTS.flags >> 2] = 0;
    this.#wsabuf.setAddress(WSABUF.buf, this.#posted.addressOf(socket));
    const { handle } = this.#sockets.records.of(socket);
    const [bytes, flags] = [address + RESULTS.bytes, address + RESULTS.flags];
    if (this.#ws2_32.WSARecv(handle, this.#wsabuf.address, 1, bytes, flags, overlapped, 0) !== 0) {
      const number = this.#ws2_32.WSAGetLastError();
      return number === WSA_IO_PENDING ? WAITS : -number;
    }
    if (!this.#skipsSuccess) {
      return WAITS;
    }
    this.arrived(socket, u32[RESULTS.bytes >> 2] as number);
    return READY;
  }

  /** The posted receive has completed. */
  arrived(socket: number, byteLength: number): void {
    if (byteLength > 0) {
      this.#posted.hold(socket, byteLength);
    } else {
      // The end of the stream: the next read returns it again.
      this.#mayHaveMore[socket] = 1;
    }
  }

  /**
   * Fills the pool's next buffer, the one that `FreeBuffers.take` gives. Returns the number of bytes, 0 for the end of
   * the stream, or an error, negated: WSAEWOULDBLOCK if there is nothing to read after all.
   */
  fill(socket: number): number {
    const error = this.#errors.get(socket);
    if (error !== undefined) {
      this.#errors.delete(socket);
      return error;
    }
    if (this.#buffers.count === 0) {
      return -WSAENOBUFS;
    }
    const received = this.#read(socket);
    if (received > 0) {
      this.#hasReceived[socket] = 1;
      this.#mayHaveMore[socket] = received === this.#buffers.sizeBytes ? 1 : 0;
    } else if (received === -WSAEWOULDBLOCK) {
      this.#mayHaveMore[socket] = 0;
    }
    return received;
  }

  #read(socket: number): number {
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
      // The next receive reports an end that follows bytes.
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
