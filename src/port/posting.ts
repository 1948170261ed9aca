/** Posting: the part of a port that starts operations and closes sockets. */

import { SOCKET_FAMILIES, type SocketAddress, type SocketFamily } from '../base/address.js';
import { invalidValue } from '../base/argument-errors.js';
import { assert } from '../base/assert.js';
import { isBytes } from '../base/bytes.js';
import { OperationError } from '../base/errors.js';
import type { MemoryOwner } from '../base/ref-counted.js';
import { isMapped } from '../drivers/common/sockaddr.js';
import type { PoolBuffer } from './buffer-pool.js';
import type { PortCore } from './core.js';
import { ACCEPT, CONNECT, RECEIVE, SEND, SHUTDOWN } from './operations.js';
import type { BufferSink, SendVector } from './sending/send-memory.js';
import { OverlappedSocket } from './socket.js';

/** Tries to have a closed socket break its connection. */
const RESET_TRIES_MAX = 3;

/** What can be cancelled on a socket. */
export type Cancellable = 'accept' | 'connect' | 'receive' | 'send';

export class PostingPort {
  /** @internal */
  protected readonly core: PortCore;

  /** @internal */
  protected constructor(core: PortCore) {
    this.core = core;
  }

  /** Creates an overlapped socket for streams. @param options.dualStack of an IPv6 listener: take IPv4 connections too */
  createSocket(family: SocketFamily, options: { readonly dualStack?: boolean } = {}): OverlappedSocket {
    this.core.requireOpen('socket');
    if (!SOCKET_FAMILIES.includes(family)) {
      throw invalidValue('family', SOCKET_FAMILIES.join(', '), family);
    }
    const calls = this.core.driver.sockets;
    const handle = calls.create({ family, dualStack: options.dualStack ?? false });
    const socket = new OverlappedSocket(calls, handle, family, 'created');
    this.core.router.sockets.add(socket);
    return socket;
  }

  /** The socket joins the port, once, with its completion key: any value, given back with each of its completions. */
  associate(socket: OverlappedSocket, key?: unknown): void {
    this.core.requireOpen('associate');
    this.core.requireUsable(socket, 'associate');
    if (socket.owner !== undefined) {
      throw new OperationError({ code: 'EALREADY', reason: 'The socket is associated already', syscall: 'associate' });
    }
    this.core.driver.associate(socket.handle, socket.family);
    socket.owner = this.core;
    socket.key = key;
  }

  /** Posts an accept on a listening socket. One may be in flight; post again when a completion says `more: false`. */
  postAccept(listener: OverlappedSocket, context?: unknown): void {
    this.core.requirePostable(listener, 'accept', 'listening');
    this.core.requireIdle(listener.readSlot, 'accept');
    const slot = this.core.operations.allocate(ACCEPT, listener, context);
    listener.readSlot = slot;
    this.core.driver.postAccept(slot, this.core.operations.generation[slot] as number, listener.handle);
    this.core.runner?.posted();
  }

  /** Posts a connect on a socket that was just created. */
  postConnect(socket: OverlappedSocket, address: SocketAddress, context?: unknown): void {
    this.core.requirePostable(socket, 'connect', 'created');
    if (socket.family === 'ipv6' && isMapped(address)) {
      this.core.driver.sockets.reachIpv4(socket.handle);
    }
    const slot = this.core.operations.allocate(CONNECT, socket, context);
    try {
      this.core.driver.postConnect(slot, this.core.operations.generation[slot] as number, socket.handle, address);
    } catch (error) {
      this.core.operations.release(slot);
      throw error;
    }
    socket.connectSlot = slot;
    socket.connectAddress = address;
    socket.state = 'connecting';
    this.core.runner?.posted();
  }

  /**
   * Posts a receive. One may be in flight; post again when a completion says `more: false`. The buffer is chosen when
   * data arrives, and lent with the completion. While none is free the receive waits.
   * @param options.once complete once, also where the driver could go on by itself
   */
  postReceive(socket: OverlappedSocket, options: { readonly once?: boolean; readonly context?: unknown } = {}): void {
    this.core.requirePostable(socket, 'receive', 'connected');
    this.core.requireIdle(socket.readSlot, 'receive');
    const slot = this.core.operations.allocate(RECEIVE, socket, options.context);
    const once = options.once === true;
    this.core.operations.once[slot] = once ? 1 : 0;
    socket.readSlot = slot;
    this.core.driver.postReceive(slot, this.core.operations.generation[slot] as number, socket.handle, once);
    this.core.runner?.posted();
  }

  /**
   * Posts a send of all of `data`, one buffer or several. Sends of a socket go out in the order of their posts. Up to
   * 1,024 bytes alone are copied. More, and several buffers, stay where they are and must not change until the
   * completion; when their memory is transferred or resized before, the send and those after it end with
   * `ERR_BUFFER_DETACHED`. A view of a receive buffer is sent from there.
   * @throws TypeError `ERR_INVALID_ARG_TYPE` for what is not bytes, `ERR_INVALID_ARG_VALUE` for bytes of several receive
   * buffers
   */
  postSend(socket: OverlappedSocket, data: Uint8Array | readonly Uint8Array[], context?: unknown): void {
    this.core.requirePostable(socket, 'send', 'connected');
    const slot = this.core.operations.allocate(SEND, socket, context);
    try {
      if (isBytes(data)) {
        this.core.sendMemory.hold(slot, data);
      } else {
        this.core.sendMemory.holdAll(slot, data);
      }
    } catch (error) {
      this.core.operations.release(slot);
      throw error;
    }
    this.core.router.sends.append(socket, slot);
    this.core.runner?.posted();
  }

  /** Posts a send of the first bytes of a receive buffer, which it keeps until its completion: an echo that copies nothing. */
  postSendBuffer(socket: OverlappedSocket, buffer: PoolBuffer, byteLength: number, context?: unknown): void {
    this.core.requirePostable(socket, 'send', 'connected');
    assert(byteLength >= 0 && byteLength <= buffer.sizeBytes && buffer.references > 0);
    const slot = this.core.operations.allocate(SEND, socket, context);
    buffer.retain();
    this.core.sendMemory.holdAt(slot, buffer.address, byteLength, buffer);
    this.core.router.sends.append(socket, slot);
    this.core.runner?.posted();
  }

  /**
   * @internal Posts a send of what was gathered before, and takes it over: its holders are released with the completion.
   * Whoever gathers keeps nothing that can be released.
   */
  postSendVector(socket: OverlappedSocket, pieces: SendVector): void {
    this.core.requirePostable(socket, 'send', 'connected');
    const slot = this.core.operations.allocate(SEND, socket, undefined);
    this.core.sendMemory.holdVector(slot, pieces);
    this.core.router.sends.append(socket, slot);
    this.core.runner?.posted();
  }

  /** @internal The same for one piece. */
  postSendAt(socket: OverlappedSocket, address: number, byteLength: number, held: MemoryOwner): void {
    this.core.requirePostable(socket, 'send', 'connected');
    const slot = this.core.operations.allocate(SEND, socket, undefined);
    this.core.sendMemory.holdAt(slot, address, byteLength, held);
    this.core.router.sends.append(socket, slot);
    this.core.runner?.posted();
  }

  /** @internal A started port has a turn soon, as if something had been posted. */
  wantTurn(): void {
    this.core.runner?.posted();
  }

  /** @internal How many sockets the process may have. */
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

  /** @internal Whether so many receive buffers are lent that holding more would make receives wait. */
  get poolShort(): boolean {
    return this.core.pool.lent > this.core.pool.shortAt;
  }

  /** @internal Adds bytes to what is to be sent together, in pieces: they stay where they are, a receive buffer is retained. */
  gather(sink: BufferSink, bytes: Uint8Array, pieceBytesMax: number): void {
    this.core.sendMemory.gather(sink, bytes, pieceBytesMax);
  }

  /** @internal Gives an accepted socket that was never associated to another thread, by its system's handle. */
  detach(socket: OverlappedSocket, thread: number): number {
    const { sockets } = this.core.driver;
    this.core.requireUsable(socket, 'detach');
    assert(socket.owner === undefined && socket.state === 'connected' && sockets.detach !== undefined);
    socket.state = 'closed';
    this.core.router.sockets.delete(socket);
    return sockets.detach(socket.handle, thread);
  }

  /** @internal Takes over a socket that another thread's port gave away. */
  adopt(handle: number, family: SocketFamily): OverlappedSocket {
    this.core.requireOpen('adopt');
    const { sockets } = this.core.driver;
    assert(sockets.adopt !== undefined);
    const socket = new OverlappedSocket(sockets, sockets.adopt(handle, family), family, 'connected');
    this.core.router.sockets.add(socket);
    return socket;
  }

  /** Posts the end of the sending side: behind the sends posted before, the peer sees the end of the stream. */
  postShutdown(socket: OverlappedSocket, context?: unknown): void {
    this.core.requirePostable(socket, 'shutdown', 'connected');
    const slot = this.core.operations.allocate(SHUTDOWN, socket, context);
    this.core.router.sends.append(socket, slot);
    this.core.runner?.posted();
  }

  /**
   * Asks for the end of an operation, or of all sends, of a socket. Each completes, with `ECANCELED` unless it was
   * faster. Cancelled sends may have gone out in part: only closing makes sense then.
   */
  cancel(socket: OverlappedSocket, what: Cancellable): void {
    this.core.requireOpen('cancel');
    this.core.requireOwn(socket, 'cancel');
    const { kind } = this.core.operations;
    if (what === 'send') {
      this.core.router.sends.cancelAll(socket);
    } else {
      const slot = what === 'connect' ? socket.connectSlot : socket.readSlot;
      const wanted = what === 'accept' ? ACCEPT : what === 'receive' ? RECEIVE : CONNECT;
      if (slot >= 0 && kind[slot] === wanted) {
        this.#cancelSlot(socket, slot);
      }
    }
    this.core.runner?.posted();
  }

  #cancelSlot(socket: OverlappedSocket, slot: number): void {
    this.core.operations.cancelled[slot] = 1;
    if (this.core.operations.delayed[slot] === 1) {
      this.core.router.endCancelled(slot);
    } else {
      this.core.driver.cancel(slot, this.core.operations.generation[slot] as number, socket.handle);
    }
  }

  /** @internal Closing never fails: where the system cannot do this now, the peer may see the end of the stream instead. */
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
   * Closes a socket. A listener stops listening at once. What is in flight completes with `ECANCELED`; when the last
   * of it has been dequeued the socket is given back to the system, and the peer sees the end of the stream.
   * @param options.reset break the connection instead (RST), discarding what is unsent
   */
  closeSocket(socket: OverlappedSocket, options: { readonly reset?: boolean } = {}): void {
    this.core.requireOwn(socket, 'close');
    if (socket.closed) {
      return;
    }
    if (socket.state === 'listening') {
      this.core.driver.sockets.shutdownBoth(socket.handle);
    } else if (options.reset === true) {
      this.resetOnClose(socket);
    }
    socket.state = 'closing';
    for (const slot of [socket.readSlot, socket.connectSlot]) {
      if (slot >= 0) {
        this.#cancelSlot(socket, slot);
      }
    }
    if (socket.firstSend >= 0) {
      this.core.router.sends.cancelAll(socket);
    }
    this.core.router.closeIfIdle(socket);
    this.core.runner?.posted();
  }
}
