/** The calls on sockets that end immediately. */

import { type BigIntStats, existsSync, lstatSync, unlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import type { SocketAddress, SocketFamily } from '../../base/address.js';
import { OperationError } from '../../base/errors.js';
import { runtime } from '../../base/runtime.js';
import {
  type BindOptions,
  type BoundPath,
  OPTIONS_IN_SECONDS,
  type SocketCalls,
  type SocketCreation,
  type SocketOption,
} from '../driver.js';
import { canonical, fromHere, unbound } from './addresses.js';
import { Endpoint, type EndpointOwner } from './endpoint.js';
import { EACCES, EADDRNOTAVAIL, EBADF, EINVAL, ENOENT, ENOPROTOOPT, ENOTCONN, ENOTSUP, nodeErrors } from './errors.js';
import {
  addressOfHandle,
  boundHandle,
  hasReusePort,
  type NodeHandle,
  type NodeStream,
  takenClient,
} from './handles.js';
import { destroyStream } from './streams.js';

/** Options that Node can set, with the value before. Node cannot read them, so the driver remembers what was set. */
const DEFAULTS: Readonly<Partial<Record<SocketOption, number>>> = {
  noDelay: 0,
  keepAlive: 0,
  keepAliveInitialDelayMs: 7_200_000,
  resetOnClose: 0,
};

export class NodeSockets implements SocketCalls {
  readonly hasReceiveLowWater = false;
  readonly sharesPorts = hasReusePort;
  readonly #endpoints: (Endpoint | undefined)[] = [];
  readonly #free: number[] = [];
  readonly #hasUnix: boolean;
  #owner: EndpointOwner | undefined;

  /** @param hasUnix whether Node's pipes are Unix sockets */
  constructor(hasUnix: boolean) {
    this.#hasUnix = hasUnix;
  }

  ownedBy(owner: EndpointOwner): void {
    this.#owner = owner;
  }

  /** Node does not tell. */
  socketsMax(): number {
    return Infinity;
  }

  create({ family, dualStack }: SocketCreation): number {
    if (family === 'unix' && !this.#hasUnix) {
      const reason = 'Unix-domain sockets are not offered on Windows; use a loopback address';
      throw new OperationError({ code: 'EAFNOSUPPORT', reason, syscall: 'socket' });
    }
    return this.#add(family, dualStack).number;
  }

  /** Adds an accepted connection. It has the options of its listener. */
  addAccepted(listener: Endpoint, handle: NodeHandle): Endpoint {
    const accepted = this.#add(listener.family, false);
    accepted.handle = handle;
    accepted.isAccepted = true;
    accepted.options = { ...listener.options };
    if (listener.family === 'unix') {
      accepted.bound = listener.bound;
      accepted.peer = unbound('unix');
    }
    return accepted;
  }

  #add(family: SocketFamily, dualStack: boolean): Endpoint {
    const number = this.#free.pop() ?? this.#endpoints.length;
    const endpoint = new Endpoint(this.#owner as EndpointOwner, number, family, dualStack);
    this.#endpoints[number] = endpoint;
    return endpoint;
  }

  /** @throws OperationError `EBADF` */
  endpoint(number: number, syscall: string): Endpoint {
    const endpoint = this.#endpoints[number];
    if (endpoint === undefined) {
      throw nodeErrors.create(EBADF, syscall);
    }
    return endpoint;
  }

  bind(socket: number, address: SocketAddress, { reusePort }: BindOptions): BoundPath | undefined {
    const wanted = canonical(address);
    const endpoint = this.endpoint(socket, 'bind');
    if (endpoint.handle !== undefined || wanted.family !== endpoint.family) {
      throw nodeErrors.create(EINVAL, 'bind', wanted);
    }
    if (reusePort && (!hasReusePort || wanted.family === 'unix')) {
      throw nodeErrors.create(ENOTSUP, 'bind', wanted);
    }
    const here = fromHere(wanted);
    const handle = boundHandle(here, { dualStack: endpoint.dualStack, reusePort });
    if (typeof handle === 'number') {
      throw nodeErrors.create(bindError(here, -handle), 'bind', wanted);
    }
    handle.unref();
    endpoint.handle = handle;
    if (here.family !== 'unix') {
      return undefined;
    }
    endpoint.bound = wanted;
    return here.path.startsWith('\0') ? undefined : boundPath(here.path);
  }

  listen(socket: number, backlog: number): void {
    const endpoint = this.endpoint(socket, 'listen');
    if (endpoint.handle === undefined) {
      if (endpoint.family === 'unix') {
        throw nodeErrors.create(EINVAL, 'listen', unbound('unix'));
      }
      this.bind(socket, unbound(endpoint.family), { reusePort: false });
    }
    const handle = endpoint.handle as unknown as NodeHandle;
    const { owner } = endpoint;
    handle.onconnection = (error, client) => {
      const taken = error === 0 ? takenClient(handle, client) : error;
      if (typeof taken === 'number') {
        owner.accepted(endpoint, taken, undefined);
      } else {
        owner.accepted(endpoint, 0, taken);
      }
    };
    // libuv ends the process for a backlog of 0 on Windows.
    endpoint.backlog = Math.max(1, backlog);
    const error = handle.listen(endpoint.backlog);
    if (error !== 0) {
      throw nodeErrors.create(-error, 'listen', this.localAddress(socket));
    }
  }

  /** IPv6 sockets of Node connect to mapped addresses as they are. */
  reachIpv4(): void {}

  localAddress(socket: number): SocketAddress {
    const endpoint = this.endpoint(socket, 'getsockname');
    return endpoint.bound ?? this.#ask(endpoint, 'getsockname') ?? unbound(endpoint.family);
  }

  remoteAddress(socket: number): SocketAddress {
    const endpoint = this.endpoint(socket, 'getpeername');
    const address = endpoint.peer ?? this.#ask(endpoint, 'getpeername');
    if (address === undefined) {
      throw nodeErrors.create(ENOTCONN, 'getpeername');
    }
    return address;
  }

  /**
   * Node closes the handle of a connection that fails, or has ended on both sides, so what it reports before that is
   * kept. Returns whether the system still knows the connection: one that was reset has no peer.
   */
  learnAddresses(endpoint: Endpoint): boolean {
    try {
      endpoint.bound ??= this.#ask(endpoint, 'getsockname');
      endpoint.peer ??= this.#ask(endpoint, 'getpeername');
      return true;
    } catch {
      return false;
    }
  }

  /** Whether the system no longer knows the peer of a connection whose handle is open: it was reset. */
  isBroken(socket: number): boolean {
    const endpoint = this.#endpoints[socket];
    const handle = endpoint?.stream?._handle;
    return handle != null && endpoint?.family !== 'unix' && (handle.getpeername?.({}) ?? 0) !== 0;
  }

  #ask({ handle, stream, family }: Endpoint, call: 'getsockname' | 'getpeername'): SocketAddress | undefined {
    const asked = handle ?? stream?._handle ?? undefined;
    if (asked === undefined || (family === 'unix' && call === 'getpeername' && stream === undefined)) {
      return undefined;
    }
    const address = addressOfHandle(asked, call, family);
    if (typeof address !== 'number') {
      return address;
    }
    throw nodeErrors.create(-address, call);
  }

  setOption(socket: number, option: SocketOption, value: number): void {
    const endpoint = this.endpoint(socket, 'setsockopt');
    if (DEFAULTS[option] === undefined) {
      throw noSuchOption(option, 'setsockopt');
    }
    if (option === 'noDelay' && endpoint.family === 'unix') {
      throw nodeErrors.create(ENOTSUP, 'setsockopt');
    }
    if (option === 'resetOnClose') {
      endpoint.resets = value === 1;
      return;
    }
    endpoint.options[option] = OPTIONS_IN_SECONDS.has(option) ? value - (value % 1000) : value;
    if (endpoint.stream !== undefined && !endpoint.stream.destroyed) {
      applyOption(endpoint.stream, endpoint.options, option);
    }
  }

  getOption(socket: number, option: SocketOption): number {
    const value = this.endpoint(socket, 'getsockopt').options[option] ?? DEFAULTS[option];
    if (value === undefined) {
      throw noSuchOption(option, 'getsockopt');
    }
    return value;
  }

  sendProgress(socket: number): number | undefined {
    const endpoint = this.#endpoints[socket];
    return endpoint === undefined ? undefined : endpoint.bytesPosted - (endpoint.stream?._handle?.writeQueueSize ?? 0);
  }

  shutdownSend(socket: number): void {
    const endpoint = this.endpoint(socket, 'shutdown');
    const { stream } = endpoint;
    if (stream === undefined || stream.destroyed || endpoint.error !== 0) {
      throw nodeErrors.create(ENOTCONN, 'shutdown');
    }
    this.learnAddresses(endpoint);
    endpoint.isShut = true;
    stream.end();
  }

  shutdownBoth(socket: number): void {
    const endpoint = this.#endpoints[socket];
    if (endpoint !== undefined) {
      closeHandles(endpoint);
      endpoint.stream?.destroy();
    }
  }

  close(socket: number): void {
    const endpoint = this.#endpoints[socket];
    if (endpoint === undefined) {
      return;
    }
    closeHandles(endpoint);
    if (endpoint.stream !== undefined) {
      destroyStream(endpoint.stream, endpoint.resets);
    }
    this.#endpoints[socket] = undefined;
    this.#free.push(socket);
  }

  /** libuv itself has removed the file, or does so when the handle is closed. */
  removePath({ path, identity, problem }: BoundPath): void {
    if (problem !== undefined) {
      throw problem;
    }
    if (identity !== undefined && identityOf(path) === identity) {
      unlinkSync(path);
    }
  }
}

function noSuchOption(option: SocketOption, syscall: string): OperationError {
  const reason = `The driver node cannot set or read ${option}, as Node has no call for it; use a driver of the system`;
  return new OperationError({ code: 'ENOPROTOOPT', reason, syscall, systemNumber: ENOPROTOOPT });
}

/** Sets the options of a stream that was just made. */
export function applyOptions(stream: NodeStream, options: Endpoint['options']): void {
  if (options.noDelay === 1) {
    applyOption(stream, options, 'noDelay');
  }
  if (options.keepAlive === 1) {
    applyOption(stream, options, 'keepAlive');
  }
}

function applyOption(stream: NodeStream, options: Endpoint['options'], option: SocketOption): void {
  if (option === 'noDelay') {
    stream.setNoDelay(options.noDelay === 1);
  } else if (option === 'keepAlive' || options.keepAlive === 1) {
    stream.setKeepAlive(options.keepAlive === 1, options.keepAliveInitialDelayMs ?? 0);
  }
}

/** Closes a handle without a stream: a listener also resets the connections that nobody has accepted. */
function closeHandles(endpoint: Endpoint): void {
  const { handle, waiting } = endpoint;
  endpoint.handle = undefined;
  endpoint.waiting = undefined;
  if (handle !== undefined) {
    closeHandle(handle, endpoint.resets);
  }
  for (const client of waiting ?? []) {
    closeHandle(client, true);
  }
}

export function closeHandle(handle: NodeHandle, reset: boolean): void {
  if (!reset || handle.reset === undefined || handle.reset() !== 0) {
    handle.close();
  }
}

/** libuv reports a missing folder as EACCES, as Windows does. Deno reports another machine's address as EINVAL. */
function bindError(address: SocketAddress, errno: number): number {
  if (address.family === 'unix') {
    return errno === EACCES && !existsSync(dirname(address.path)) ? ENOENT : errno;
  }
  return errno === EINVAL && runtime === 'deno' ? EADDRNOTAVAIL : errno;
}

function identityOf(path: string): string | undefined {
  const stats: BigIntStats | undefined = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return stats === undefined ? undefined : `${stats.dev}:${stats.ino}`;
}

function boundPath(path: string): BoundPath {
  try {
    return { path, identity: identityOf(path), problem: undefined };
  } catch (problem) {
    return { path, identity: undefined, problem: problem as Error };
  }
}
