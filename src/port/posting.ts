/** The part of a port that creates sockets, posts operations, and closes sockets. */

import { SOCKET_FAMILIES, type SocketAddress, type SocketFamily } from '../base/address.js';
import { invalidValue } from '../base/argument-errors.js';
import { assert } from '../base/assert.js';
import { isBytes, lengthOf } from '../base/bytes.js';
import { OperationError } from '../base/errors.js';
import type { MemoryOwner } from '../base/ref-counted.js';
import { isMapped } from '../drivers/common/sockaddr.js';
import { addressOfBytes } from '../ffi/library.js';
import { isStandIn } from '../ffi/stand-in-addresses.js';
import type { PoolBuffer } from './buffer-pool.js';
import type { PortCore } from './core.js';
import { ACCEPT, CONNECT, RECEIVE, SEND, SHUTDOWN } from './operations.js';
import type { BufferSink, SendVector } from './sending/send-memory.js';
import { OverlappedSocket, setConnectAddress } from './socket.js';

/** How often `resetOnClose` is set before giving up. */
const RESET_TRIES_MAX = 3;

/** The operations of a socket that `cancel` takes. */
export type Cancellable = 'accept' | 'connect' | 'receive' | 'send';

export class PostingPort {
  /** @internal */
  protected readonly core: PortCore;

  /** @internal */
  protected constructor(core: PortCore) {
    this.core = core;
  }

  /**
   * Creates an overlapped socket for streams.
   * @param options.dualStack for an IPv6 listener: also accept IPv4 connections. Default: false
   * @throws TypeError `ERR_INVALID_ARG_VALUE` for an unknown family
   * @throws OperationError `EMFILE`; `EBADF` when the port is closed
   */
  createSocket(family: SocketFamily, options: { readonly dualStack?: boolean } = {}): OverlappedSocket {
    this.core.requireOpen('socket');
    if (!SOCKET_FAMILIES.includes(family)) {
      throw invalidValue('family', SOCKET_FAMILIES.join(', '), family);
    }
    const handle = this.core.driver.sockets.create({ family, dualStack: options.dualStack ?? false });
    const socket = new OverlappedSocket(this.core.homes[family], handle, 'created');
    this.core.router.sockets.add(socket);
    return socket;
  }

  /**
   * Associates a socket with the port, once.
   * @param key the completion key: any value, returned with each completion of the socket
   * @throws OperationError `EALREADY` when it is associated already, `EINVAL` when it belongs to another port, `EBADF`
   */
  associate(socket: OverlappedSocket, key?: unknown): void {
    this.core.requireOpen('associate');
    this.core.requireUsable(socket, 'associate');
    if (socket.isAssociated) {
      throw new OperationError({ code: 'EALREADY', reason: 'The socket is associated already', syscall: 'associate' });
    }
    this.core.driver.associate(socket.handle, socket.family);
    socket.home = socket.home.joined[socket.state];
    socket.key = key;
  }

  /**
   * Posts an accept on a listening socket. One may be in flight; post the next one after a completion with `more: false`.
   * @throws OperationError `EALREADY` when one is in flight, `EINVAL`, `EBADF`, `ENOBUFS` above `operationsMax`
   */
  postAccept(listener: OverlappedSocket, context?: unknown): void {
    const { core } = this;
    core.requirePostable(listener, 'accept', 'listening');
    core.requireIdle(listener.readSlot, 'accept');
    const slot = core.operations.allocate(ACCEPT, listener, context);
    listener.readSlot = slot;
    core.driver.postAccept(slot, core.operations.generation[slot] as number, listener.handle);
    core.runner?.posted();
  }

  /**
   * Posts a connect on a new socket.
   * @throws OperationError `EINVAL`, `EBADF`, `ENAMETOOLONG` for a path that is too long, `ENOBUFS` above `operationsMax`
   */
  postConnect(socket: OverlappedSocket, address: SocketAddress, context?: unknown): void {
    const { core } = this;
    core.requirePostable(socket, 'connect', 'created');
    if (socket.family === 'ipv6' && isMapped(address)) {
      core.driver.sockets.reachIpv4(socket.handle);
    }
    const slot = core.operations.allocate(CONNECT, socket, context);
    try {
      core.driver.postConnect(slot, core.operations.generation[slot] as number, socket.handle, address);
    } catch (error) {
      core.operations.release(slot);
      throw error;
    }
    socket.readSlot = slot;
    setConnectAddress(socket, address);
    socket.state = 'connecting';
    core.runner?.posted();
  }

  /**
   * Posts a receive. One may be in flight; post the next one after a completion with `more: false`. The buffer is chosen when
   * data arrives, and is lent with the completion. While no buffer is free the receive waits.
   * @param options.once complete once, even if the driver could complete repeatedly. Default: false
   * @throws OperationError `EALREADY` when one is in flight, `ENOTCONN`, `EBADF`, `ENOBUFS` above `operationsMax`
   */
  postReceive(socket: OverlappedSocket, options: { readonly once?: boolean; readonly context?: unknown } = {}): void {
    const { core } = this;
    core.requirePostable(socket, 'receive', 'connected');
    core.requireIdle(socket.readSlot, 'receive');
    const slot = core.operations.allocate(RECEIVE, socket, options.context);
    const once = options.once === true;
    core.operations.once[slot] = once ? 1 : 0;
    socket.readSlot = slot;
    core.driver.postReceive(slot, core.operations.generation[slot] as number, socket.handle, once);
    core.runner?.posted();
  }

  /**
   * Posts a send of all bytes of `data`, one buffer or several. The sends of a socket go out in the order of their posts. A
   * single buffer of up to 1,024 bytes is copied. Larger buffers, and several together, are not copied: they must not change
   * until the completion. If their memory is transferred or resized before that, the send and those after it end with
   * `ERR_BUFFER_DETACHED`. A view of a receive buffer is sent from that buffer.
   * @throws TypeError `ERR_INVALID_ARG_TYPE` for anything but bytes, `ERR_INVALID_ARG_VALUE` for bytes of several receive
   * buffers
   * @throws OperationError `ENOTCONN`, `EBADF`, `ENOBUFS` above `operationsMax`
   */
  postSend(socket: OverlappedSocket, data: Uint8Array | readonly Uint8Array[], context?: unknown): void {
    const { core } = this;
    core.requirePostable(socket, 'send', 'connected');
    const isOne = isBytes(data);
    const slot = core.operations.allocate(SEND, socket, context);
    try {
      if (isOne) {
        core.sendMemory.hold(slot, data);
      } else {
        core.sendMemory.holdAll(slot, data);
      }
    } catch (error) {
      core.operations.release(slot);
      throw error;
    }
    if (isOne) {
      core.router.sends.appendPiece(socket, slot);
    } else {
      core.router.sends.append(socket, slot);
    }
    core.runner?.posted();
  }

  /**
   * Posts a send of the first bytes of a receive buffer, which is retained until the completion: an echo without a copy.
   * @param byteLength 0 to `buffer.sizeBytes`
   * @throws OperationError `ENOTCONN`, `EBADF`, `ENOBUFS` above `operationsMax`
   */
  postSendBuffer(socket: OverlappedSocket, buffer: PoolBuffer, byteLength: number, context?: unknown): void {
    this.core.requirePostable(socket, 'send', 'connected');
    assert(byteLength >= 0);
    assert(byteLength <= buffer.sizeBytes);
    assert(buffer.references > 0, 'Send of a receive buffer that is released');
    const slot = this.core.operations.allocate(SEND, socket, context);
    buffer.retain();
    this.#postPiece(socket, slot, buffer.address, byteLength, buffer);
  }

  /**
   * @internal Posts a send of one piece of memory, and takes over the caller's reference to its owner: the completion
   * releases it.
   */
  postSendAt(socket: OverlappedSocket, address: number, byteLength: number, owner: MemoryOwner): void {
    this.core.requirePostable(socket, 'send', 'connected');
    const slot = this.core.operations.allocate(SEND, socket, undefined);
    this.#postPiece(socket, slot, address, byteLength, owner);
  }

  #postPiece(socket: OverlappedSocket, slot: number, address: number, byteLength: number, owner: MemoryOwner): void {
    const { core } = this;
    core.sendMemory.holdAt(slot, address, byteLength, owner);
    core.router.sends.appendPiece(socket, slot);
    core.runner?.posted();
  }

  /** @internal The same for several pieces of memory: the completion releases the vector, the caller must not. */
  postSendVector(socket: OverlappedSocket, vector: SendVector): void {
    const { core } = this;
    core.requirePostable(socket, 'send', 'connected');
    const slot = core.operations.allocate(SEND, socket, undefined);
    core.sendMemory.holdVector(slot, vector);
    core.router.sends.append(socket, slot);
    core.runner?.posted();
  }

  /**
   * @internal Sends the first of these bytes now, as many as the system takes without waiting, unless sends are posted.
   * Their memory is not used after the call, so nothing has to keep it.
   * @param more whether other bytes follow at once
   * @returns how many it took; 0 also if it fails, which the next operation that fails or ends reports, and on systems
   * and drivers whose sends can only be posted
   */
  sendNow(socket: OverlappedSocket, bytes: Uint8Array, more: boolean): number {
    const { router } = this.core;
    const { sockets } = this.core.driver;
    if (sockets.sendNow === undefined || socket.firstSend >= 0 || socket.state !== 'connected') {
      return 0;
    }
    const taken = sockets.sendNow(socket.handle, addressOfBytes(bytes), lengthOf(bytes), more);
    if (taken < 0) {
      router.sendFailed(socket, taken);
    }
    return Math.max(0, taken);
  }

  /** @internal Nobody waits for the completion of the send that was posted last: see `Driver`. */
  quietLastSend(): void {
    this.core.driver.quietLastSend?.();
  }

  /** @internal Somebody waits for completions of sends that were quiet. */
  mindSends(): void {
    this.core.driver.mindSends?.();
  }

  /** @internal Makes a started port have a turn soon, as if an operation had been posted. */
  wantTurn(): void {
    this.core.runner?.posted();
  }

  /** @internal The most sockets that the process may have. */
  get socketsMax(): number {
    return this.core.driver.sockets.socketsMax();
  }

  /** @internal Sockets that are not closed. */
  get sockets(): ReadonlySet<OverlappedSocket> {
    return this.core.router.sockets;
  }

  /** @internal Whether bytes are a view of a receive buffer. */
  isLent(bytes: Uint8Array): boolean {
    return this.core.pool.bufferOf(bytes) !== undefined;
  }

  /** @internal Whether receive buffers are running out: more than SHORT_SHARE of them are lent. */
  get poolShort(): boolean {
    return this.core.pool.lent > this.core.pool.shortAt;
  }

  /** @internal Adds bytes to a vectored send, in pieces. They are not copied; a receive buffer is retained. */
  gather(sink: BufferSink, bytes: Uint8Array, pieceBytesMax: number): void {
    this.core.sendMemory.gather(sink, bytes, pieceBytesMax);
  }

  /** @internal The same for the bytes that were added last; returns false, and adds nothing, if it was others. */
  gatherAgain(sink: BufferSink, bytes: Uint8Array, byteLength: number, pieceBytesMax: number): boolean {
    return this.core.sendMemory.gatherAgain(sink, bytes, byteLength, pieceBytesMax);
  }

  /** @internal @throws OperationError `ENOTSUP` if native code cannot use the memory of this port */
  requireAddresses(syscall: string): void {
    if (isStandIn(this.core.pool.address)) {
      const { name } = this.core.driver;
      const reason = `An engine on the driver ${name} that was made before koffi was loaded has no memory for native code; make another one`;
      throw new OperationError({ code: 'ENOTSUP', reason, syscall });
    }
  }

  /** @internal Whether sockets can move between the ports of different threads. */
  get canDetach(): boolean {
    return this.core.driver.sockets.detach !== undefined;
  }

  /** @internal Whether several sockets can listen at one port. */
  get sharesPorts(): boolean {
    return this.core.driver.sockets.sharesPorts;
  }

  /** @internal Detaches an accepted socket that was never associated, for another thread; returns the system's handle. */
  detach(socket: OverlappedSocket, thread: number): number {
    const { sockets } = this.core.driver;
    this.core.requireUsable(socket, 'detach');
    assert(!socket.isAssociated);
    assert(socket.state === 'connected');
    assert(sockets.detach !== undefined);
    socket.state = 'closed';
    this.core.router.sockets.delete(socket);
    return sockets.detach(socket.handle, thread);
  }

  /** @internal Adopts a socket that the port of another thread has detached. */
  adopt(handle: number, family: SocketFamily): OverlappedSocket {
    this.core.requireOpen('adopt');
    const { sockets } = this.core.driver;
    assert(sockets.adopt !== undefined);
    const socket = new OverlappedSocket(this.core.homes[family], sockets.adopt(handle, family), 'connected');
    this.core.router.sockets.add(socket);
    return socket;
  }

  /**
   * Posts the end of the sending side: after the sends posted before, the peer sees the end of the stream.
   * @throws OperationError `ENOTCONN`, `EBADF`, `ENOBUFS` above `operationsMax`
   */
  postShutdown(socket: OverlappedSocket, context?: unknown): void {
    const { core } = this;
    core.requirePostable(socket, 'shutdown', 'connected');
    const slot = core.operations.allocate(SHUTDOWN, socket, context);
    core.router.sends.append(socket, slot);
    core.runner?.posted();
  }

  /**
   * Cancels an operation, or all sends, of a socket. Each still completes, with `ECANCELED` unless it ended before. Cancelled
   * sends may have gone out in part, so the only sensible next step is to close the socket.
   * @throws OperationError `EBADF` when the port is closed, `EINVAL` when the socket belongs to another port
   */
  cancel(socket: OverlappedSocket, what: Cancellable): void {
    this.core.requireOpen('cancel');
    this.core.requireOwn(socket, 'cancel');
    const { kind } = this.core.operations;
    if (what === 'send') {
      this.core.router.sends.cancelAll(socket);
    } else {
      const slot = socket.readSlot;
      const wanted = what === 'accept' ? ACCEPT : what === 'receive' ? RECEIVE : CONNECT;
      if (slot >= 0 && kind[slot] === wanted) {
        this.#cancelSlot(socket, slot);
      }
    }
    this.core.runner?.posted();
  }

  #cancelSlot(socket: OverlappedSocket, slot: number): void {
    const { operations } = this.core;
    operations.cancelled[slot] = 1;
    if (operations.delayed[slot] === 1) {
      this.core.router.endCancelled(slot);
    } else {
      this.core.driver.cancel(slot, operations.generation[slot] as number, socket.handle);
    }
  }

  /** @internal Closing never fails: if the system cannot do this now, the peer may see the end of the stream instead. */
  protected resetOnClose({ handle }: OverlappedSocket): void {
    for (let tries = 1; tries <= RESET_TRIES_MAX; tries++) {
      try {
        this.core.driver.sockets.setOption(handle, 'resetOnClose', 1);
        return;
      } catch (error) {
        if (!(error instanceof OperationError)) {
          throw error;
        }
      }
    }
  }

  /**
   * Closes a socket. A listener stops listening at once. Operations in flight complete with `ECANCELED`; after the last of
   * these completions was dequeued the system's socket is closed, and the peer sees the end of the stream. Does nothing on a
   * closed socket.
   * @param options.reset break the connection instead (RST), discarding unsent bytes. Default: false
   * @throws OperationError `EINVAL` when the socket belongs to another port
   */
  closeSocket(socket: OverlappedSocket, options: { readonly reset?: boolean } = {}): void {
    this.core.requireOwn(socket, 'close');
    if (socket.closed) {
      return;
    }
    if (socket.state === 'listening') {
      this.core.driver.sockets.shutdownBoth(socket.handle);
      // At once, so that another server can listen at the path.
      this.core.router.removePath(socket);
    } else if (options.reset === true) {
      this.resetOnClose(socket);
    }
    socket.state = 'closing';
    if (socket.readSlot >= 0) {
      this.#cancelSlot(socket, socket.readSlot);
    }
    if (socket.firstSend >= 0) {
      this.core.router.sends.cancelAll(socket);
    }
    this.core.router.closeIfIdle(socket);
    this.core.runner?.posted();
  }
}
