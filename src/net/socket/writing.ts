/** The writing side of a socket. */

import { Buffer } from 'node:buffer';
import { withCode } from '../../base/argument-errors.js';
import type { Payload } from '../../engine/writing/payload.js';
import { plainError } from '../errors.js';
import { IS_NODE_22 } from '../node-net.js';
import { heldWrites } from './held-writes.js';
import { type NetSocket, type SocketState, STATE, updateReference } from './state.js';
import type { Done } from './writer.js';

/** One of the writes that gathered while another was under way. */
export interface WriteRequest {
  readonly chunk: Uint8Array | string;
  readonly encoding: BufferEncoding;
}

/** Text in UTF-8 is written as it is, without a Buffer for each piece. */
export function payloadOf(chunk: Uint8Array | string, encoding: BufferEncoding): Payload {
  if (typeof chunk !== 'string' || encoding === 'utf8' || encoding === 'utf-8') {
    return chunk;
  }
  if ((encoding as string) === 'buffer') {
    throw withCode(new TypeError('Second argument must be a buffer'), 'ERR_INVALID_ARG_TYPE');
  }
  return Buffer.from(chunk, encoding);
}

function byteLengthOf(piece: Payload, encoding?: BufferEncoding): number {
  return typeof piece === 'string' ? Buffer.byteLength(piece, encoding) : piece.length;
}

/** Writes once the socket is connected. */
function writeWhenConnected(socket: NetSocket, pieces: Payload[], done: Done): void {
  const closed = (): void => done(plainError('ERR_SOCKET_CLOSED_BEFORE_CONNECTION'));
  socket._pendingData = pieces;
  socket.once('connect', () => {
    socket.off('close', closed);
    writePieces(socket, pieces, done);
  });
  socket.once('close', closed);
}

/** Writes pieces, for `_write` and `_writev`. */
export function writePieces(socket: NetSocket, pieces: Payload[], done: Done): void {
  const state = socket[STATE];
  if (socket.connecting) {
    writeWhenConnected(socket, pieces, done);
    return;
  }
  socket._pendingData = null;
  const { writer } = state;
  if (writer === undefined) {
    done(plainError('ERR_SOCKET_CLOSED'));
    return;
  }
  socket._unrefTimer();
  if (writer.write(pieces, done)) {
    done();
  } else if (state.timeoutMs > 0) {
    state.timerProgress = writer.progress;
  }
  if (!state.reading) {
    writer.reportIdle();
    updateReference(state);
  }
}

/** Calls the callback of a write when the system has taken its bytes, as with node:net, and not when they were queued. */
export function callTaken(socket: NetSocket, callback: Done): void {
  const { writer } = socket[STATE];
  if (writer === undefined) {
    callback(null);
  } else {
    writer.whenTaken(callback);
  }
}

/** The same for a write of the stream, which may fail before. */
export function callbackWhenTaken(socket: NetSocket, callback: Done): Done {
  return (error) => {
    if (error) {
      callback(error);
    } else {
      callTaken(socket, callback);
    }
  };
}

/** Ends our side once the socket is connected, for `_final`. */
export function finishWriting(socket: NetSocket, done: Done): void {
  const state = socket[STATE];
  if (socket.connecting || !(state.attached || IS_NODE_22)) {
    socket.once('connect', () => finishWriting(socket, done));
    return;
  }
  const { writer } = state;
  if (writer === undefined) {
    done();
    return;
  }
  writer.finish(done);
  updateReference(state);
}

/** Bytes that the connection was given. */
export function bytesDispatchedOf({ connection, writer, bytesDispatched }: SocketState): number {
  return connection === undefined
    ? bytesDispatched
    : connection.bytesWritten + connection.queuedBytes + (writer?.restBytes ?? 0);
}

/** Bytes that were written: those of the connection, those of the write that waits for it, and those that wait in the stream. */
export function bytesWrittenOf(socket: NetSocket): number | undefined {
  const requests = (socket as unknown as { readonly writableBuffer?: readonly WriteRequest[] }).writableBuffer;
  if (requests === undefined || requests === null) {
    return undefined;
  }
  let bytes = bytesDispatchedOf(socket[STATE]);
  for (const { chunk, encoding } of [...heldWrites(socket[STATE]), ...requests]) {
    bytes += byteLengthOf(chunk, encoding);
  }
  for (const piece of (socket._pendingData as Payload[] | null) ?? []) {
    bytes += byteLengthOf(piece);
  }
  return bytes;
}
