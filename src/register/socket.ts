/**
 * `net.Socket` of a process with the preload. `new net.Socket()`, which Postgres clients use, makes a socket of ours. Node's own
 * classes (`TLSSocket`, `tty.ReadStream`, pipes of child processes) call the same constructor with handles, on their own
 * objects: for these, and for classes of the program, it is Node's.
 */

import type nodeNet from 'node:net';
import { NodeSocket } from '../net/node-net.js';
import { Socket as EngineSocket } from '../net.js';

function SocketOrNodes(this: unknown, options?: nodeNet.SocketConstructorOpts): object {
  const target = new.target as unknown as typeof nodeNet.Socket | undefined;
  if (target !== undefined && target !== MovedSocket) {
    return Reflect.construct(NodeSocket, [options], target);
  }
  if (target === undefined && this instanceof NodeSocket) {
    Reflect.apply(NodeSocket as unknown as (options: unknown) => void, this, [options]);
    return this;
  }
  // With a descriptor or a handle it makes one of Node's.
  return new EngineSocket(options);
}

/** As `net.Socket`. It has the same prototype, so that `instanceof`, and what tools do with the prototype, go on. */
export const MovedSocket = SocketOrNodes as unknown as typeof nodeNet.Socket;

Object.defineProperty(SocketOrNodes, 'name', { value: 'Socket' });
Object.setPrototypeOf(SocketOrNodes, NodeSocket);
Object.defineProperty(SocketOrNodes, 'prototype', { value: NodeSocket.prototype, writable: true });

type Connect = (this: object, ...args: unknown[]) => unknown;

/**
 * Tracing tools wrap `net.Socket.prototype.connect` to see all connects. From now on that method connects sockets of both
 * kinds, so that a tool that comes later sees ours too.
 */
export function shareConnect(): void {
  const ours = EngineSocket.prototype as unknown as { connect: Connect };
  const nodes = NodeSocket.prototype as unknown as { connect: Connect };
  const connectOurs = ours.connect;
  const connectNodes = nodes.connect;
  nodes.connect = function connect(...args) {
    return Reflect.apply(Object.prototype.isPrototypeOf.call(ours, this) ? connectOurs : connectNodes, this, args);
  };
  Reflect.deleteProperty(ours, 'connect');
}
