/** A connection of `listen` or `connect` as a socket of `node:net`: `connection.toDuplex()`. */

import type { Buffer } from 'node:buffer';
import type nodeNet from 'node:net';
import type { Readable } from 'node:stream';
import { process } from '../../base/runtime.js';
import type { Connection } from '../../engine/connection.js';
import { type ConnectionRecord, sideOf } from '../../engine/connection-core/record.js';
import { CLOSED, END_EMITTED, UNREFERENCED } from '../../engine/connection-core/state.js';
import { StreamHandlers } from '../../engine/streams/stream-handlers.js';
import { callAsHandler } from '../call.js';
import { acceptedSocket } from './accepted.js';
import { attach } from './attach.js';
import { connectionClosed } from './closing.js';
import { peerEnded, received } from './reading.js';
import { type Adopted, type SocketState, STATE } from './state.js';

/** Codes of a write that came after our end, which the peer's end had brought about. */
const LATE: ReadonlySet<unknown> = new Set(['EPIPE', 'ERR_STREAM_WRITE_AFTER_END']);

/** The handlers of an adopted connection. */
class AdoptedConnection extends StreamHandlers implements Adopted {
  readonly #state: SocketState;
  readonly #endsWithPeer: boolean;
  /** Sources that are piped into the socket and have not ended. */
  readonly #sources = new Set<Readable>();

  constructor(state: SocketState, connection: Connection) {
    super(connection);
    this.#state = state;
    this.#endsWithPeer = !connection.group.limits.allowHalfOpen;
    state.socket.on('pipe', (source: Readable) => this.#piped(source));
    state.socket.on('unpipe', (source: Readable) => this.#unpiped(source));
  }

  data(_: ConnectionRecord, chunk: Buffer): void {
    callAsHandler(received, this.#state, chunk);
  }

  protected peerEnded(): void {
    callAsHandler(peerEnded, this.#state, undefined);
  }

  protected closed(connection: ConnectionRecord): void {
    callAsHandler(connectionClosed, this.#state, connection as Connection);
  }

  /**
   * Without `allowHalfOpen` Node ends the writing side once the peer's end was read. A source may still have data then, such
   * as a transform that waited for room: our side ends after the source, as ending before would cut its data off.
   */
  #piped(source: Readable): void {
    this.#sources.add(source);
    this.#state.socket.allowHalfOpen = true;
  }

  #unpiped(source: Readable): void {
    const { socket } = this.#state;
    this.#sources.delete(source);
    if (this.#sources.size === 0 && this.#endsWithPeer) {
      socket.allowHalfOpen = false;
      if (socket.readableEnded && !socket.destroyed) {
        socket.end();
      }
    }
  }

  isCut(error: Error): boolean {
    const { code } = error as NodeJS.ErrnoException;
    return this.#sources.size > 0 || (LATE.has(code) && this.#endsWithPeer && this.#state.socket.readableEnded);
  }
}

/** @throws OperationError `ERR_ALREADY_READ` when there is a handler `data`, a framing, or a stream of it already */
export function adopt(record: ConnectionRecord): nodeNet.Socket {
  const connection = record as Connection;
  const socket = acceptedSocket({ allowHalfOpen: connection.group.limits.allowHalfOpen });
  const state = socket[STATE];
  state.local = connection.socket.family === 'unix';
  state.referenced = (connection.flags & UNREFERENCED) === 0;
  state.adopted = new AdoptedConnection(state, connection);
  attach(state, connection);
  sideOf(connection).stream = state.writer;
  // Ends from before are reported after this call, because the caller has no listener yet.
  if ((connection.flags & END_EMITTED) !== 0) {
    process.nextTick(peerEnded, state);
  }
  if ((connection.flags & CLOSED) !== 0) {
    process.nextTick(connectionClosed, state, connection);
  }
  socket.read(0);
  return socket as unknown as nodeNet.Socket;
}
