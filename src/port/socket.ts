/** An overlapped socket: a socket that operations are posted on. */

import { printable, type SocketAddress, type SocketFamily } from '../base/address.js';
import { OperationError } from '../base/errors.js';
import { checkNumber, INT_MAX, type NumberRange } from '../base/validate.js';
import type { BindOptions, BoundPath, SocketCalls, SocketOption } from '../drivers/driver.js';
import { checkSocketOption, requireOption } from './socket-options.js';

/** The state of an overlapped socket. */
export type SocketState = 'created' | 'listening' | 'connecting' | 'connected' | 'failed' | 'closing' | 'closed';

const SOCKET_STATES: readonly SocketState[] = [
  'created',
  'listening',
  'connecting',
  'connected',
  'failed',
  'closing',
  'closed',
];

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

/** The properties that all sockets of a port, family and state share. There may be very many sockets, so each has one field for them. */
class SocketHome {
  readonly family: SocketFamily;
  /** The driver's calls; they identify the port that created the socket. */
  readonly calls: SocketCalls;
  readonly state: SocketState;
  /** Whether the sockets are associated with the port, not only created by it. */
  readonly isAssociated: boolean;
  /** The homes of new sockets and of associated ones in each state, which are the same otherwise. */
  readonly fresh: HomesByState;
  readonly joined: HomesByState;

  constructor(
    like: Pick<SocketHome, 'family' | 'calls' | 'fresh' | 'joined'>,
    state: SocketState,
    associated: boolean,
  ) {
    this.family = like.family;
    this.calls = like.calls;
    this.fresh = like.fresh;
    this.joined = like.joined;
    this.state = state;
    this.isAssociated = associated;
  }
}

type HomesByState = Readonly<Record<SocketState, SocketHome>>;

export type SocketHomes = Readonly<Record<SocketFamily, HomesByState>>;

/** The homes of the new sockets of a port and family, by their state. */
function homesOf(family: SocketFamily, calls: SocketCalls): HomesByState {
  const fresh: Partial<Record<SocketState, SocketHome>> = {};
  const joined: Partial<Record<SocketState, SocketHome>> = {};
  const like = { family, calls, fresh: fresh as HomesByState, joined: joined as HomesByState };
  for (const state of SOCKET_STATES) {
    fresh[state] = new SocketHome(like, state, false);
    joined[state] = new SocketHome(like, state, true);
  }
  return like.fresh;
}

/** The homes of the new sockets of a port. */
export function socketHomes(calls: SocketCalls): SocketHomes {
  return { ipv4: homesOf('ipv4', calls), ipv6: homesOf('ipv6', calls), unix: homesOf('unix', calls) };
}

/** Created by `CompletionPort.createSocket`, or by a completed accept. */
export class OverlappedSocket {
  /** The completion key that was passed to `associate`. */
  key: unknown = undefined;
  /** @internal The system's number of the socket. */
  readonly handle: number;
  /** @internal Slot of the accept, connect or receive in flight; -1 when there is none. */
  readSlot = -1;
  /** @internal The first slot of the sends and shutdowns, which are in order; -1 when there are none. */
  firstSend = -1;
  /** @internal The properties that it shares with other sockets of its port. */
  home: SocketHome;
  /** @internal */
  names: SocketNames | undefined = undefined;

  /** @internal */
  constructor(homes: HomesByState, handle: number, state: SocketState) {
    this.home = homes[state];
    this.handle = handle;
  }

  /** @internal */
  get state(): SocketState {
    return this.home.state;
  }

  /** @internal */
  set state(state: SocketState) {
    const { home } = this;
    this.home = (home.isAssociated ? home.joined : home.fresh)[state];
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
   * `keepAliveInitialDelayMs`: how long a peer is silent before the system probes it, 1,000 to 32,767,000, in whole seconds;
   * ten probes follow, a second apart. It takes effect with `keepAlive`.
   * `keepAliveIntervalMs`, `keepAliveProbes`: how far apart the probes are, 1,000 to 32,767,000, in whole seconds, and how many
   * there are, 1 to 127. Set them after `keepAliveInitialDelayMs`.
   * `typeOfService`: the field of that name in IP packets (TOS, or the traffic class of IPv6), 0 to 255.
   * `userTimeoutMs`: how long sent data may stay unacknowledged, and how long connecting may take, before `ETIMEDOUT`; 0 for
   * the system's default. The others are integers up to 2^31 - 1.
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
