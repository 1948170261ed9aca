/** The calls of the readiness drivers on Linux, on non-blocking sockets. */

import type { SocketAddress } from '../../base/address.js';
import { lastErrno } from '../../ffi/library.js';
import { EAGAIN, ECANCELED, EINPROGRESS, EINTR, ENOBUFS, MSG_NOSIGNAL } from '../../ffi/linux/constants.js';
import { libc } from '../../ffi/linux/libc.js';
import { Slab } from '../../ffi/memory.js';
import { encodeSockaddr, SOCKADDR_BYTES_MAX } from '../common/sockaddr.js';
import type { CallBatch } from '../readiness/call-batch.js';
import type { NonBlockingCalls } from '../readiness/poller.js';
import { type AioContext, BATCHED_CALLS, threadContext } from './aio.js';
import { linuxMessages } from './messages.js';
import { fromHere, linuxAddresses } from './sockaddr.js';
import { LinuxSockets } from './sockets.js';

export class LinuxNonBlocking extends LinuxSockets implements NonBlockingCalls {
  readonly wouldBlock = EAGAIN;
  readonly inProgress = EINPROGRESS;
  readonly messages = linuxMessages;
  readonly cancelled = ECANCELED;
  readonly noBuffers = ENOBUFS;
  readonly #libc = libc();
  readonly #address = new Slab(SOCKADDR_BYTES_MAX);
  readonly #aio: AioContext | undefined;
  /** Optional features of the system that are in use. */
  readonly features: readonly string[];

  constructor(disabledFeatures: ReadonlySet<string>) {
    super(true);
    this.#aio = disabledFeatures.has(BATCHED_CALLS) ? undefined : threadContext();
    this.features = this.#aio === undefined ? [] : [BATCHED_CALLS];
  }

  accept(socket: number): number {
    const accepted = this.#libc.accept4(socket, 0, 0, this.acceptFlags);
    return accepted < 0 ? -lastErrno() : accepted;
  }

  encodeAddress(address: SocketAddress): Uint8Array {
    const byteLength = encodeSockaddr(linuxAddresses, this.#address, 0, fromHere(address));
    return this.#address.u8.slice(0, byteLength);
  }

  connect(socket: number, encoded: Uint8Array): number {
    this.#address.u8.set(encoded);
    if (this.#libc.connect(socket, this.#address.address, encoded.byteLength) === 0) {
      return 0;
    }
    const errno = lastErrno();
    // An interrupted connect continues (connect(2)).
    return errno === EINTR ? -EINPROGRESS : -errno;
  }

  connectResult(socket: number): number {
    return -this.takeError(socket);
  }

  receive(socket: number, address: number, byteLength: number): number {
    const received = this.#libc.recv(socket, address, byteLength, 0);
    return received < 0 ? -lastErrno() : received;
  }

  send(socket: number, address: number, byteLength: number): number {
    const sent = this.#libc.send(socket, address, byteLength, MSG_NOSIGNAL);
    return sent < 0 ? -lastErrno() : sent;
  }

  sendMessage(socket: number, message: Slab): number {
    const sent = this.#libc.sendmsg(socket, message.address, MSG_NOSIGNAL);
    return sent < 0 ? -lastErrno() : sent;
  }

  makeAll(batch: CallBatch): void {
    if (this.#aio === undefined) {
      batch.makeAll(this);
    } else {
      this.#aio.makeAll(batch, this);
    }
  }
}
