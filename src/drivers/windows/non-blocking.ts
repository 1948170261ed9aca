/** The calls of the readiness driver on Windows, on non-blocking sockets. */

import type { SocketAddress } from '../../base/address.js';
import type { OperationError } from '../../base/errors.js';
import { Slab } from '../../ffi/memory.js';
import {
  HANDLE_FLAG_INHERIT,
  INVALID_SOCKET,
  SO_ERROR,
  SOL_SOCKET,
  WSA_OPERATION_ABORTED,
  WSAECONNRESET,
  WSAENOBUFS,
  WSAEWOULDBLOCK,
} from '../../ffi/windows/constants.js';
import { kernel32 } from '../../ffi/windows/kernel32.js';
import { ws2_32 } from '../../ffi/windows/ws2_32.js';
import { decodeSockaddr, encodeSockaddr, SOCKADDR_BYTES_MAX } from '../common/sockaddr.js';
import type { CallBatch } from '../readiness/call-batch.js';
import type { NonBlockingCalls } from '../readiness/poller.js';
import { CALL_BYTES_MAX, MESSAGE, windowsMessages } from './messages.js';
import { connectable, windowsAddresses } from './sockaddr.js';
import { openOwned } from './socket-table.js';
import { WindowsSockets } from './sockets.js';

/** In the scratch memory, after the address that a call reads or writes: the length of the address. */
const LENGTH_OFFSET = SOCKADDR_BYTES_MAX;
const LENGTH_BYTES = 4;

export class WindowsNonBlocking extends WindowsSockets implements NonBlockingCalls {
  readonly wouldBlock = WSAEWOULDBLOCK;
  readonly inProgress = WSAEWOULDBLOCK;
  readonly messages = windowsMessages;
  readonly cancelled = WSA_OPERATION_ABORTED;
  readonly noBuffers = WSAENOBUFS;
  readonly #ws2_32 = ws2_32();
  readonly #kernel32 = kernel32();
  /** An address and its length, or the number of bytes sent. */
  readonly #scratch = new Slab(LENGTH_OFFSET + LENGTH_BYTES);

  accept(socket: number): number {
    const listener = this.records.of(socket);
    const { address, u32 } = this.#scratch;
    u32[LENGTH_OFFSET >> 2] = SOCKADDR_BYTES_MAX;
    const handle = openOwned(() => this.#ws2_32.accept(listener.handle, address, address + LENGTH_OFFSET));
    if (handle === INVALID_SOCKET) {
      return -this.#ws2_32.WSAGetLastError();
    }
    this.setNonBlocking(handle, true);
    // Otherwise a child process would keep the connection open.
    this.#kernel32.SetHandleInformation(handle, HANDLE_FLAG_INHERIT, 0);
    // Kept, because getpeername fails for a reset connection (WSAENOTCONN).
    const remote = decodeSockaddr(windowsAddresses, this.#scratch, 0, u32[LENGTH_OFFSET >> 2] as number);
    return this.addAccepted(handle, listener, remote);
  }

  encodeAddress(address: SocketAddress): Uint8Array {
    const byteLength = encodeSockaddr(windowsAddresses, this.#scratch, 0, connectable(address));
    return this.#scratch.u8.slice(0, byteLength);
  }

  connect(socket: number, encoded: Uint8Array): number {
    const record = this.records.of(socket);
    this.#scratch.u8.set(encoded);
    if (this.#ws2_32.connect(record.handle, this.#scratch.address, encoded.byteLength) === 0) {
      return 0;
    }
    const number = this.#ws2_32.WSAGetLastError();
    record.connecting = number === WSAEWOULDBLOCK;
    return -number;
  }

  connectResult(socket: number): number {
    this.records.of(socket).connecting = false;
    try {
      return -this.getInt(socket, SOL_SOCKET, SO_ERROR);
    } catch (error) {
      // The error is the connect's result, not the caller's failure.
      return -((error as OperationError).systemNumber as number);
    }
  }

  receive(socket: number, address: number, byteLength: number): number {
    const { handle } = this.records.of(socket);
    const received = this.#ws2_32.recv(handle, address, byteLength, 0);
    if (received > 0) {
      return received;
    }
    return received < 0 ? -this.#ws2_32.WSAGetLastError() : this.#endOrReset(handle, address);
  }

  /**
   * Tells an end of the stream from a reset. Wine's server consumes the error of a reset when it checks for select
   * whether the socket is ready (seen on Wine 8): then recv reports the end of the stream, but a send of no bytes still
   * fails. On Windows such a send does nothing ("send function", "Remarks").
   */
  #endOrReset(handle: number, address: number): number {
    const reset = this.#ws2_32.send(handle, address, 0, 0) < 0 && this.#ws2_32.WSAGetLastError() === WSAECONNRESET;
    return reset ? -WSAECONNRESET : 0;
  }

  send(socket: number, address: number, byteLength: number): number {
    const { handle } = this.records.of(socket);
    const sent = this.#ws2_32.send(handle, address, Math.min(byteLength, CALL_BYTES_MAX), 0);
    return sent < 0 ? -this.#ws2_32.WSAGetLastError() : sent;
  }

  sendMessage(socket: number, message: Slab): number {
    const { handle } = this.records.of(socket);
    const count = message.u32[MESSAGE.count >> 2] as number;
    const sent = this.#scratch.address;
    const result = this.#ws2_32.WSASend(handle, message.address + MESSAGE.wsabufs, count, sent, 0, 0, 0);
    return result < 0 ? -this.#ws2_32.WSAGetLastError() : (this.#scratch.u32[0] as number);
  }

  makeAll(batch: CallBatch): void {
    batch.makeAll(this);
  }
}
