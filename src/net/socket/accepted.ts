/**
 * The sockets of accepted connections, and of those that are adopted. They are made without Node's constructor, which would
 * give each of them twenty fields that are the same for all, and that a socket without a handle rarely changes.
 */

import { Duplex, type DuplexOptions } from 'node:stream';
import { NodeSocket } from '../node-net.js';
import { Socket } from './socket.js';
import { type NetSocket, SocketState, STATE } from './state.js';

type CallableDuplex = (this: object, options: DuplexOptions) => void;

/** A socket of Node without a connection: what it has besides the parts of a stream becomes the default of all. */
const template = new NodeSocket();

/** Refuses writes after the peer's end. On a socket that may be half open, it does nothing. */
const endListeners = template.listeners('end') as ((this: Duplex) => void)[];

function setDefaults(): void {
  const ofStream = new Set(Reflect.ownKeys(new Duplex()));
  const { prototype } = Socket;
  for (const [key, { value }] of ownDescriptors(template)) {
    if (!ofStream.has(key) && !Object.hasOwn(prototype, key) && (typeof value !== 'object' || value === null)) {
      Object.defineProperty(prototype, key, { value, writable: true, configurable: true });
    }
  }
}

function ownDescriptors(object: object): [string | symbol, PropertyDescriptor][] {
  return Reflect.ownKeys(object).map((key) => [
    key,
    Object.getOwnPropertyDescriptor(object, key) as PropertyDescriptor,
  ]);
}

setDefaults();

/** Makes a new object a socket. */
function begin(socket: NetSocket, options: AcceptedOptions): void {
  Object.defineProperty(socket, STATE, { value: new SocketState(socket) });
  (Duplex as unknown as CallableDuplex).call(socket, {
    allowHalfOpen: options.allowHalfOpen,
    emitClose: false,
    autoDestroy: true,
    decodeStrings: false,
    ...(options.highWaterMark === undefined
      ? {}
      : { readableHighWaterMark: options.highWaterMark, writableHighWaterMark: options.highWaterMark }),
  });
  if (!options.allowHalfOpen) {
    for (const listener of endListeners) {
      socket.on('end', listener);
    }
  }
}

export interface AcceptedOptions {
  readonly allowHalfOpen: boolean;
  readonly highWaterMark?: number | undefined;
}

/**
 * A function that makes accepted sockets. Each kind has a constructor of its own, which is no class, because its objects are
 * those of another: `Reflect.construct` with that one would give each object a hidden class of its own in Node 20.
 * @param prototype of the sockets
 */
export function acceptedKind(prototype: object): (options: AcceptedOptions) => NetSocket {
  function AcceptedSocket(this: NetSocket, options: AcceptedOptions): void {
    begin(this, options);
  }
  AcceptedSocket.prototype = prototype;
  const Accepted = AcceptedSocket as unknown as new (options: AcceptedOptions) => NetSocket;
  return (options) => new Accepted(options);
}

export const acceptedSocket = acceptedKind(Socket.prototype);
