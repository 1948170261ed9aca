/** `Socket`: a constructor that can be called without `new`, as that of `node:net`. */

import type nodeNet from 'node:net';
import { isBytes } from '../../base/bytes.js';
import { type CallableSocket, HAS_TYPE_OF_SERVICE, NodeSocket } from '../node-net.js';
import { defineSocketMethods } from './methods.js';
import { type NetSocket, SocketState, STATE, type UserBuffer } from './state.js';

interface SocketOptions {
  readonly fd?: unknown;
  readonly handle?: unknown;
  readonly noDelay?: unknown;
  readonly keepAlive?: unknown;
  readonly keepAliveInitialDelay?: unknown;
  readonly onread?: unknown;
  readonly typeOfService?: unknown;
}

/** The option `onread`, if it is complete: Node ignores others. */
function userBufferOf(onread: unknown): UserBuffer | undefined {
  const { buffer, callback } = (onread ?? {}) as { readonly buffer?: unknown; readonly callback?: unknown };
  if (typeof callback !== 'function') {
    return undefined;
  }
  const call = callback as UserBuffer['callback'];
  if (isBytes(buffer)) {
    return { callback: call, make: undefined, current: buffer, waiting: undefined, paused: false };
  }
  return typeof buffer === 'function'
    ? { callback: call, make: buffer as () => unknown, current: undefined, waiting: undefined, paused: false }
    : undefined;
}

/** A socket of a descriptor, or of a handle of Node, stays Node's own. */
function staysNodes(options: unknown): boolean {
  const { fd, handle } = (options ?? {}) as SocketOptions;
  return typeof options === 'number' || fd !== undefined || Boolean(handle);
}

function SocketConstructor(this: NetSocket | undefined, options?: SocketOptions): object {
  if (staysNodes(options)) {
    return new NodeSocket(options as nodeNet.SocketConstructorOpts);
  }
  if (this === undefined || !Object.prototype.isPrototypeOf.call(Socket.prototype, this)) {
    return new Socket(options as nodeNet.SocketConstructorOpts);
  }
  // First, as Node's constructor destroys the socket when a signal is aborted already.
  Object.defineProperty(this, STATE, {
    value: new SocketState(this, {
      noDelay: options?.noDelay,
      keepAlive: options?.keepAlive,
      keepAliveInitialDelay: options?.keepAliveInitialDelay,
      userBuffer: userBufferOf(options?.onread),
      typeOfService: HAS_TYPE_OF_SERVICE ? options?.typeOfService : undefined,
    }),
  });
  // Without a descriptor and a handle it sets properties and creates the stream, and opens nothing.
  (NodeSocket as unknown as CallableSocket).call(this, options);
  return this;
}

/** As `net.Socket`. Its sockets are instances of that too. */
export const Socket = SocketConstructor as unknown as typeof nodeNet.Socket;

Object.defineProperty(SocketConstructor, 'name', { value: 'Socket' });
Object.setPrototypeOf(SocketConstructor, NodeSocket);
Object.setPrototypeOf(SocketConstructor.prototype, NodeSocket.prototype);
defineSocketMethods(SocketConstructor.prototype);

/** Node's own sockets count as instances, as they are what a program gets for a descriptor. Subclasses have their own. */
Object.defineProperty(SocketConstructor, Symbol.hasInstance, {
  value(this: unknown, value: unknown): boolean {
    return this === Socket
      ? value instanceof NodeSocket
      : Function.prototype[Symbol.hasInstance].call(this as object, value);
  },
});
