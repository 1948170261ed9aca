/**
 * The handles of Node's `net`. Its classes bind and listen in a later turn, and report an error by an event. The port's
 * calls throw it, so listeners and bound sockets are made of handles, by the function that node:cluster uses.
 */

import currentNet, { type Socket } from 'node:net';
import type { SocketAddress, SocketFamily } from '../../base/address.js';
import { process } from '../../base/runtime.js';

/** The object that `getsockname` and `getpeername` of a handle fill in. */
interface NodeAddress {
  address?: string;
  family?: string | number;
  port?: number;
}

/** A TCP or pipe handle, as far as it is used here. The calls return 0 or an error number, negative. */
export interface NodeHandle {
  onconnection: ((error: number, client: NodeHandle | undefined) => void) | null;
  /** Bytes of writes that the system has not taken yet. */
  readonly writeQueueSize?: number;
  listen(backlog: number): number;
  /** Deno only: takes a connection into a handle. */
  accept?(client: NodeHandle): number;
  getsockname?(into: NodeAddress): number;
  getpeername?(into: NodeAddress): number;
  /** TCP only. */
  reset?(onClosed?: () => void): number;
  close(onClosed?: () => void): void;
  unref(): void;
}

export type OnWritten = (error?: NodeJS.ErrnoException | null) => void;

/** A piece of a gathered write. */
export interface Piece {
  readonly chunk: Uint8Array;
  readonly encoding: 'buffer';
}

/** A socket of Node, with the methods that its own stream calls. */
export interface NodeStream extends Omit<Socket, '_write' | '_writev'> {
  readonly _handle: NodeHandle | null;
  _write(chunk: Uint8Array, encoding: 'buffer', onWritten: OnWritten): void;
  _writev(pieces: readonly Piece[] & { allBuffers?: boolean }, onWritten: OnWritten): void;
}

type CreateServerHandle = (
  address: string,
  port: number,
  addressType: 4 | 6 | -1,
  descriptor: undefined,
  flags: number,
) => NodeHandle | number;

const createServerHandle = (currentNet as unknown as { readonly _createServerHandle?: CreateServerHandle })
  ._createServerHandle;

/** libuv's flags of uv_tcp_bind (uv.h). */
const UV_TCP_IPV6ONLY = 1;
const UV_TCP_REUSEPORT = 2;

/** Whether this runtime has the functions of Node that the driver needs. */
export const hasHandles = typeof createServerHandle === 'function';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

/** Whether listeners can share a port. Older versions of Node ignore the flag. */
export const hasReusePort = major > 23 || (major === 23 && minor >= 1);

export interface BindFlags {
  readonly dualStack: boolean;
  readonly reusePort: boolean;
}

/** A handle that is bound to an address, or an error number, negative. */
export function boundHandle(address: SocketAddress, { dualStack, reusePort }: BindFlags): NodeHandle | number {
  const create = createServerHandle as CreateServerHandle;
  if (address.family === 'unix') {
    return create(address.path, -1, -1, undefined, 0);
  }
  const flags = (address.family === 'ipv6' && !dualStack ? UV_TCP_IPV6ONLY : 0) | (reusePort ? UV_TCP_REUSEPORT : 0);
  const handle = create(address.address, address.port, address.family === 'ipv4' ? 4 : 6, undefined, flags);
  if (typeof handle === 'number') {
    return handle;
  }
  // libuv keeps an EADDRINUSE of bind until the next call.
  const error = handle.getsockname?.({}) ?? 0;
  if (error === 0) {
    return handle;
  }
  handle.close();
  return error;
}

/** The constructor of a handle. */
type HandleClass = new (type: number) => NodeHandle;

/** The type of a handle that is a connection, not a listener (tcp_wrap.h and pipe_wrap.h). */
const SOCKET = 0;

/**
 * The handle of a connection that a listener reports, or an error number, negative. Node passes it to `onconnection`. Deno
 * passes none: the connection must be taken into a new handle of the same class.
 */
export function takenClient(listener: NodeHandle, client: NodeHandle | undefined): NodeHandle | number {
  if (client !== undefined || listener.accept === undefined) {
    return client as NodeHandle;
  }
  const taken = new (listener.constructor as HandleClass)(SOCKET);
  const error = listener.accept(taken);
  return error === 0 ? taken : error;
}

/** The address that a call of a handle reports; an error number, negative, if it fails. */
export function addressOfHandle(
  handle: NodeHandle,
  call: 'getsockname' | 'getpeername',
  family: SocketFamily,
): SocketAddress | number {
  const found: NodeAddress = {};
  const error = handle[call]?.(found) ?? 0;
  if (error !== 0 || family === 'unix') {
    return error !== 0 ? error : { family: 'unix', path: '' };
  }
  return { family, address: found.address ?? '', port: found.port ?? 0 };
}
