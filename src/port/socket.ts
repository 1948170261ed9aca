/** An overlapped socket: a socket that operations are posted on. */

import { printable, type SocketAddress, type SocketFamily } from '../base/address.js';
import { OperationError } from '../base/errors.js';
import { checkNumber, INT_MAX, type NumberRange } from '../base/validate.js';
import type { BindOptions, BoundPath, SocketCalls, SocketOption } from '../drivers/driver.js';
import { checkSocketOption, requireOption } from './socket-options.js';

/** The state of an overlapped socket. */
export type SocketState = 'created' | 'listening' | 'connecting' | 'connected' | 'failed' | 'closing' | 'closed';

/** How many connections may wait to be accepted; the system limits it further (net.core.somaxconn). */
export const BACKLOG = 4096;

const ANY_BACKLOG: NumberRange = { least: 0, most: Infinity };

/** Addresses that most sockets of a server never need: one field for all of them, because there may be very many sockets. */
interface SocketNames {
  /** The address of a connect. */
  connectAddress?: SocketAddress;
  /** The file that `bind` created; it is removed when the socket is closed. */
  boundPath?: BoundPath;
  /** The peer's address, once it is known. */
  remoteAddress?: SocketAddress;
}

/** What all sockets of a port share that have one kind of addresses: one field for it, because there may be very many sockets. */
export class SocketHome {
  readonly family: SocketFamily;
  /** The driver's calls; they identify the port that created the socket. */
  readonly calls: SocketCalls;
  /** Of sockets that are associated with the port, not only created by it. */
  readonly isAssociated: boolean;
  /** The same for sockets that are new, and for those that are associated. */
  readonly fresh: SocketHome;
  readonly joined: SocketHome;

  constructor(family: SocketFamily, calls: SocketCalls, fresh?: SocketHome) {
    this.family = family;
    this.calls = calls;
    this.isAssociated = fresh !== undefined;
    this.fresh = fresh ?? this;
    this.joined = fresh === undefined ? new SocketHome(family, calls, this) : this;
  }
}

export type SocketHomes = Readonly<Record<SocketFamily, SocketHome>>;

/** Where the new sockets of a port begin. */
export function socketHomes(calls: SocketCalls): SocketHomes {
  return {
    ipv4: new SocketHome('ipv4', calls),
    ipv6: new SocketHome('ipv6', calls),
    unix: new SocketHome('unix', calls),
  };
}

/** Created by `CompletionPort.createSocket`, or by a completed accept. */
export class OverlappedSocket {
  /** The completion key that was passed to `associate`. */
  key: unknown = undefined;
  /** @internal The system's number of the socket. */
  readonly handle: number;
  /** @internal */
  state: SocketState;
  /** @internal Slot of the accept, connect or receive in flight; -1 when there is none. */
  readSlot = -1;
  /** @internal The first slot of the sends and shutdowns, which are in order; -1 when there are none. */
  firstSend = -1;
  /** @internal The last slot of them; -1 when there are none. */
  lastSend = -1;
  /** @internal The last of the sends that are with the driver, which begin with the first; -1 when none is. */
  lastWithDriver = -1;
  /** @internal What it shares with other sockets of its port. */
  home: SocketHome;
  /** @internal */
  names: SocketNames | undefined = undefined;

  /** @internal */
  constructor(home: SocketHome, handle: number, state: SocketState) {
    this.home = home;
    this.handle = handle;
    this.state = state;
  }

  /** The kind of its addresses. */
  get family(): SocketFamily {
    return this.home.family;
  }

  /** @internal Whether it joined its port. */
  get isAssociated(): boolean {
    return this.home.isAssociated;
  }

  /** Whether `closeSocket` was called for it. */
  get closed(): boolean {
    return this.state === 'closing' || this.state === 'closed';
  }

  /**
   * Binds the socket to a local address.
   * @throws OperationError `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES`, `EINVAL`; `ENAMETOOLONG` for a path of more than 107 bytes
   */
  bind(address: SocketAddress, options: Partial<BindOptions> = {}): void {
    requireState(this, 'bind', 'created');
    const boundPath = this.home.calls.bind(this.handle, address, { reusePort: options.reusePort ?? false });
    if (boundPath !== undefined) {
      named(this).boundPath = boundPath;
    }
  }

  /**
   * Starts listening; after that accepts can be posted.
   * @param backlog how many connections may wait to be accepted: 0 or more, Infinity for as many as the system allows. Default: 4096
   * @throws OperationError `EADDRINUSE`; RangeError `ERR_OUT_OF_RANGE`; TypeError `ERR_INVALID_ARG_TYPE`
   */
  listen(backlog: number = BACKLOG): void {
    requireState(this, 'listen', 'created');
    checkNumber('backlog', backlog, ANY_BACKLOG);
    this.home.calls.listen(this.handle, Math.min(Math.floor(backlog), INT_MAX));
    this.state = 'listening';
  }

  /** The address the socket is bound to. */
  localAddress(): SocketAddress {
    requireOpen(this, 'getsockname');
    return printable(this.home.calls.localAddress(this.handle));
  }

  /**
   * The peer's address.
   * @throws OperationError `ENOTCONN` when there is none, `EBADF` when the socket is closed and the address was not read before
   */
  remoteAddress(): SocketAddress {
    const known = this.names?.remoteAddress;
    if (known !== undefined) {
      return known;
    }
    requireOpen(this, 'getpeername');
    if (this.state === 'connecting' || this.state === 'failed') {
      throw new OperationError({ code: 'ENOTCONN', reason: `The socket is ${this.state}`, syscall: 'getpeername' });
    }
    const address = printable(this.home.calls.remoteAddress(this.handle));
    named(this).remoteAddress = address;
    return address;
  }

  /**
   * Sets an option. Accepted sockets inherit the options of their listener.
   * `noDelay`, `keepAlive`: 0 or 1. `sendBufferBytes`, `receiveBufferBytes`: the system may round them.
   * `receiveLowWaterBytes`: receives wait until that many bytes have arrived, the receive buffer is nearly full, or the peer
   * has ended or reset the connection; 1 by default. Linux allows at most half of the receive buffer. Windows does not have it.
   * `userTimeoutMs`: how long sent data may stay unacknowledged, and how long connecting may take, before `ETIMEDOUT`; 0 for
   * the system's default. All are integers up to 2^31 - 1.
   * @throws RangeError `ERR_OUT_OF_RANGE`; TypeError `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`; OperationError `EBADF`,
   * `ENOPROTOOPT`
   */
  setOption(option: Exclude<SocketOption, 'resetOnClose'>, value: number): void {
    requireOpen(this, 'setsockopt');
    checkSocketOption(option, value);
    this.home.calls.setOption(this.handle, option, value);
  }

  /** The value of an option. @throws TypeError `ERR_INVALID_ARG_VALUE`; OperationError `EBADF` */
  getOption(option: Exclude<SocketOption, 'resetOnClose'>): number {
    requireOpen(this, 'getsockopt');
    requireOption(option);
    return this.home.calls.getOption(this.handle, option);
  }
}

// These are functions because private methods would add a word to each socket.

function named(socket: OverlappedSocket): SocketNames {
  socket.names ??= {};
  return socket.names;
}

function requireOpen(socket: OverlappedSocket, syscall: string): void {
  if (socket.closed) {
    throw new OperationError({ code: 'EBADF', reason: 'The socket is closed', syscall });
  }
}

function requireState(socket: OverlappedSocket, syscall: string, state: SocketState): void {
  requireOpen(socket, syscall);
  if (socket.state !== state) {
    throw new OperationError({ code: 'EINVAL', reason: `The socket is ${socket.state}, expected ${state}`, syscall });
  }
}

/** The address of a connect. */
export function connectAddressOf(socket: OverlappedSocket): SocketAddress | undefined {
  return socket.names?.connectAddress;
}

export function setConnectAddress(socket: OverlappedSocket, address: SocketAddress): void {
  named(socket).connectAddress = address;
}

/** Whether sends are with the driver. */
export function isSending(socket: OverlappedSocket): boolean {
  return socket.lastWithDriver >= 0;
}

/** The peer's address; undefined if nobody asked for it in time and the system no longer knows it. */
export function knownRemoteAddress(socket: OverlappedSocket): SocketAddress | undefined {
  try {
    return socket.remoteAddress();
  } catch {
    return undefined;
  }
}

/** Reads and keeps the peer's address, because the system does not know it once the socket is closed. */
export function learnRemoteAddress(socket: OverlappedSocket): void {
  const address = connectAddressOf(socket);
  if (address === undefined) {
    knownRemoteAddress(socket);
  } else {
    named(socket).remoteAddress ??= printable(address);
  }
}
