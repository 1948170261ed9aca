/**
 * The methods and getters of a socket: those of `node:net` that use a handle there. The rest (`end`, `destroySoon`,
 * `readyState`, `_connecting`) is inherited from Node's prototype, which works on these.
 */

import { Duplex } from 'node:stream';
import { connectSocket } from '../connecting/connect.js';
import { invalidHandleType, plainError } from '../errors.js';
import { HAS_TYPE_OF_SERVICE } from '../node-net.js';
import { localNameOf, peerNameOf } from './addresses.js';
import { destroySocket } from './closing.js';
import { passHeld, streamLengthOf, uncorkSocket, writeQuickly } from './quick-writes.js';
import { hasTooManyPieces, readOnIfRead, startReading, stopReading } from './reading.js';
import { type AddressInfo, type NetSocket, type SocketState, STATE, updateReference } from './state.js';
import { setSocketKeepAlive, setSocketNoDelay, setSocketTypeOfService, typeOfServiceOf } from './tcp-options.js';
import { refreshTimeout, setSocketTimeout, timeIsUp } from './timeouts.js';
import type { Done } from './writer.js';
import {
  bytesDispatchedOf,
  bytesWrittenOf,
  callbackWhenTaken,
  finishWriting,
  payloadOf,
  type WriteRequest,
  writePieces,
} from './writing.js';

const write = Duplex.prototype.write as (
  this: Duplex,
  chunk: unknown,
  encoding: unknown,
  callback?: unknown,
) => boolean;

/** Writes through the stream. */
function writeSlowly(socket: NetSocket, chunk: unknown, encoding: unknown, done: Done | undefined): boolean {
  return done === undefined
    ? write.call(socket, chunk, encoding)
    : write.call(socket, chunk, encoding, callbackWhenTaken(socket, done));
}

/** With `onread` the stream does not flow, so these decide whether the socket reads. */
function readForUser(socket: NetSocket): void {
  const state = socket[STATE];
  if (state.userBuffer !== undefined && state.attached && !socket.connecting) {
    startReading(state);
  }
}

/** Calls a method once the socket is connected. */
function onceConnected(socket: NetSocket, method: (this: NetSocket) => unknown): NetSocket {
  return socket.once('connect', method);
}

type Listener = (...args: unknown[]) => void;

const once = Duplex.prototype.once as (this: Duplex, event: string | symbol, listener: Listener) => NetSocket;

/** The listener of a `TLSSocket` is shorter. */
const TLS_LISTENER_LENGTH_MAX = 200;

/**
 * Whether a listener is that of a `TLSSocket` (lib/_tls_wrap.js), which takes an instance of `net.Socket` without a handle for
 * one that is still connecting, and waits for its `connect` before it sends anything.
 */
function isOfTls(listener: unknown): boolean {
  if (typeof listener !== 'function') {
    return false;
  }
  const text = Function.prototype.toString.call(listener);
  return text.length < TLS_LISTENER_LENGTH_MAX && /this\.connecting = false;\s*this\.emit\('connect'\)/.test(text);
}

const streamMethods: object & ThisType<NetSocket> = {
  connect(...args: unknown[]): NetSocket {
    return connectSocket(this, args);
  },

  once(event: string | symbol, listener: Listener): NetSocket {
    if (event === 'connect' && isOfTls(listener)) {
      // TLS ends the connection itself, and may write when the peer has ended its side.
      this.allowHalfOpen = true;
      const [wrapped] = this.rawListeners('close').slice(-1);
      this[STATE].tlsClose = wrapped as SocketState['tlsClose'];
      if (this[STATE].attached && !this.connecting) {
        listener();
        return this;
      }
    }
    return once.call(this, event, listener);
  },

  _read(size: number): void {
    const state = this[STATE];
    if (this.connecting || !state.attached) {
      this.once('connect', () => this._read(size));
    } else if (hasTooManyPieces(this)) {
      state.tooManyPieces = true;
    } else {
      startReading(state);
    }
  },

  pause(): NetSocket {
    const state = this[STATE];
    if (state.userBuffer !== undefined && !this.connecting) {
      state.userBuffer.paused = true;
      if (state.reading) {
        stopReading(state);
      }
    }
    return Duplex.prototype.pause.call(this) as NetSocket;
  },

  resume(): NetSocket {
    readForUser(this);
    return Duplex.prototype.resume.call(this) as NetSocket;
  },

  read(size?: number): unknown {
    readForUser(this);
    const bytes: unknown = Duplex.prototype.read.call(this, size);
    const state = this[STATE];
    if (state.tooManyPieces && !this.destroyed) {
      readOnIfRead(state, bytes === null && size !== 0);
    }
    return bytes;
  },

  write(chunk: unknown, encoding?: unknown, callback?: unknown): boolean {
    const isShort = typeof encoding === 'function';
    const code = isShort ? undefined : encoding;
    const call = isShort ? encoding : callback;
    const done = typeof call === 'function' ? (call as Done) : undefined;
    if (this._write === ownWrite && writeQuickly(this, chunk, code, done)) {
      return true;
    }
    passHeld(this[STATE], writeSlowly);
    return writeSlowly(this, chunk, code, done);
  },

  uncork(): void {
    uncorkSocket(this, writeSlowly);
  },

  _writeGeneric(writev: boolean, data: unknown, encoding: BufferEncoding, done: Done): void {
    const pieces = writev
      ? (data as WriteRequest[]).map((request) => payloadOf(request.chunk, request.encoding))
      : [payloadOf(data as Uint8Array | string, encoding)];
    writePieces(this, pieces, done);
  },

  _write(data: Uint8Array | string, encoding: BufferEncoding, done: Done): void {
    writePieces(this, [payloadOf(data, encoding)], done);
  },

  _writev(requests: WriteRequest[], done: Done): void {
    writePieces(
      this,
      requests.map((request) => payloadOf(request.chunk, request.encoding)),
      done,
    );
  },

  _final(done: Done): void {
    finishWriting(this, done);
  },

  _destroy(exception: Error | null, done: Done): void {
    destroySocket(this[STATE], exception, done);
  },

  resetAndDestroy(): NetSocket {
    const state = this[STATE];
    if (!state.attached) {
      return this.destroy(plainError('ERR_SOCKET_CLOSED'));
    }
    if (state.local) {
      throw invalidHandleType();
    }
    return this.connecting ? onceConnected(this, this._reset) : this._reset();
  },

  _reset(): NetSocket {
    this.resetAndClosing = true;
    return this.destroy();
  },
};

function timeoutOf(this: NetSocket, msecs: unknown, callback?: unknown): NetSocket {
  setSocketTimeout(this, msecs, callback);
  return this;
}

const socketMethods: object & ThisType<NetSocket> = {
  setTimeout: timeoutOf,

  _unrefTimer(): void {
    refreshTimeout(this);
  },

  _onTimeout(): void {
    timeIsUp(this);
  },

  setNoDelay(enable?: unknown): NetSocket {
    setSocketNoDelay(this, Boolean(enable === undefined ? true : enable));
    return this;
  },

  setKeepAlive(enable?: unknown, initialDelay?: unknown, interval?: unknown, count?: unknown): NetSocket {
    setSocketKeepAlive(this, { enable, initialDelay, interval, count });
    return this;
  },

  address(): AddressInfo {
    return localNameOf(this[STATE]);
  },

  _getsockname(): AddressInfo {
    return localNameOf(this[STATE]);
  },

  _getpeername(): AddressInfo {
    return peerNameOf(this[STATE]);
  },

  ref(): NetSocket {
    const state = this[STATE];
    if (!state.attached) {
      return onceConnected(this, this.ref);
    }
    state.referenced = true;
    updateReference(state);
    return this;
  },

  unref(): NetSocket {
    const state = this[STATE];
    if (!state.attached) {
      return onceConnected(this, this.unref);
    }
    state.referenced = false;
    updateReference(state);
    return this;
  },
};

const socketGetters: object & ThisType<NetSocket> = {
  /** A socket with a handle would be handed to the native code of TLS and HTTP. */
  get _handle(): null {
    return null;
  },

  set _handle(_handle: unknown) {
    // Node's constructor, and what resets a socket, sets it to null.
  },

  get pending(): boolean {
    return !this[STATE].attached || this.connecting;
  },

  /**
   * The bytes that the stream counts, from which the result of `write` and the event `drain` follow. Once an http message has
   * ended, and no `drain` matters, it includes the bytes that a callback waits for: http frees its connection at 0.
   */
  get writableLength(): number {
    const awaited = this._httpMessage?.finished === true ? this[STATE].writer?.awaitedBytes : undefined;
    return streamLengthOf(this) + (awaited ?? 0);
  },

  get bufferSize(): number | undefined {
    return this[STATE].attached ? this.writableLength : undefined;
  },

  get bytesRead(): number {
    const { connection, bytesRead } = this[STATE];
    return connection?.bytesRead ?? bytesRead;
  },

  get _bytesDispatched(): number {
    return bytesDispatchedOf(this[STATE]);
  },

  get bytesWritten(): number | undefined {
    return bytesWrittenOf(this);
  },

  get remoteAddress(): string | undefined {
    return peerNameOf(this[STATE]).address;
  },

  get remoteFamily(): string | undefined {
    return peerNameOf(this[STATE]).family;
  },

  get remotePort(): number | undefined {
    return peerNameOf(this[STATE]).port;
  },

  get localAddress(): string | undefined {
    return localNameOf(this[STATE]).address;
  },

  get localFamily(): string | undefined {
    return localNameOf(this[STATE]).family;
  },

  get localPort(): number | undefined {
    return localNameOf(this[STATE]).port;
  },
};

const { _write: ownWrite } = streamMethods as Pick<NetSocket, '_write'>;

/** Methods that sockets of later versions of Node have. */
const laterMethods: object & ThisType<NetSocket> = {
  setTypeOfService(tos: unknown): NetSocket {
    setSocketTypeOfService(this, tos);
    return this;
  },

  getTypeOfService(): number {
    return typeOfServiceOf(this[STATE]);
  },
};

/** Gives the methods to the prototype of a socket. */
export function defineSocketMethods(prototype: object): void {
  const later = HAS_TYPE_OF_SERVICE ? laterMethods : {};
  for (const members of [streamMethods, socketMethods, socketGetters, later]) {
    Object.defineProperties(prototype, Object.getOwnPropertyDescriptors(members));
  }
}
