/**
 * Small writes go into the queue of the connection without the writable side of the stream, where the same takes several
 * objects, callbacks and ticks. It sees only the rest: what is large, has another encoding, or finds no room.
 */

import { Duplex } from 'node:stream';
import { isBytes, lengthOf } from '../../base/bytes.js';
import { process } from '../../base/runtime.js';
import { COPY_BYTES_MAX } from '../../engine/writing/write-queue.js';
import { type HeldWrite, hold } from './held-writes.js';
import { isFinish } from './http-message.js';
import { type NetSocket, type SocketState, STATE, updateReference } from './state.js';
import type { Done, SocketWriter } from './writer.js';
import { callTaken } from './writing.js';

const uncork = Duplex.prototype.uncork as (this: Duplex) => void;

interface WritableInside {
  readonly _writableState: { length: number; readonly defaultEncoding: unknown };
}

/** The bytes that the stream counts: they are written, and not passed on. */
export function streamLengthOf(socket: NetSocket): number {
  return (socket as unknown as Partial<WritableInside>)._writableState?.length ?? 0;
}

/** How much the stream counts as written and not passed on: its high-water mark is for that. */
function count(socket: NetSocket, change: number): void {
  (socket as unknown as WritableInside)._writableState.length += change;
}

/** The length of a write as the stream counts it; negative for what only the stream can write. */
function lengthOfQuick(socket: NetSocket, chunk: unknown, encoding: unknown): number {
  if (typeof chunk !== 'string') {
    return isBytes(chunk) ? lengthOf(chunk) : -1;
  }
  if (encoding === 'utf8' || encoding === 'latin1') {
    return chunk.length;
  }
  const isDefault = encoding === undefined || encoding === null;
  return isDefault && (socket as unknown as WritableInside)._writableState.defaultEncoding === 'utf8'
    ? chunk.length
    : -1;
}

/** Writes, if no step of the stream is needed. @returns whether it is written, or held until the socket is uncorked */
export function writeQuickly(socket: NetSocket, chunk: unknown, encoding: unknown, callback?: Done): boolean {
  const state = socket[STATE];
  const { writer, held } = state;
  if (writer === undefined || socket.connecting) {
    return false;
  }
  const length = lengthOfQuick(socket, chunk, encoding);
  const waiting = streamLengthOf(socket);
  if (
    length < 0 ||
    waiting + length >= Math.min(socket.writableHighWaterMark, COPY_BYTES_MAX) ||
    (held === undefined && waiting > 0) ||
    !socket.writable
  ) {
    return false;
  }
  const data = chunk as Uint8Array | string;
  if (socket.writableCorked > 0) {
    count(socket, length);
    hold(state, data, encoding as BufferEncoding, callback);
    return true;
  }
  if (length === 0 || held !== undefined || !writer.hasRoom) {
    return false;
  }
  writer.append(data, encoding as BufferEncoding);
  written(state, writer);
  if (callback !== undefined) {
    process.nextTick(callTaken, socket, callback);
  }
  return true;
}

/** The connection was given bytes. */
function written(state: SocketState, writer: SocketWriter): void {
  state.socket._unrefTimer();
  if (!state.reading) {
    writer.reportIdle();
    updateReference(state);
  }
}

/** Takes the held writes, which the stream does not count from now on. */
function takeHeld(state: SocketState): HeldWrite | undefined {
  const { held } = state;
  for (let write = held; write !== undefined; write = write.next) {
    count(state.socket, -write.chunk.length);
  }
  state.held = undefined;
  return held;
}

type Write = (socket: NetSocket, chunk: unknown, encoding: unknown, callback: Done | undefined) => void;

/** Passes held writes to the stream: one that only the stream can write follows them. */
export function passHeld(state: SocketState, write: Write): void {
  for (let held = takeHeld(state); held !== undefined; held = held.next) {
    write(state.socket, held.chunk, held.encoding, held.callback);
  }
}

/** Uncorks a socket, for its method. Held writes leave before those of the stream, as they were written before. */
export function uncorkSocket(socket: NetSocket, write: Write): void {
  const state = socket[STATE];
  if (state.held !== undefined && socket.writableCorked === 1) {
    const { writer } = state;
    if (writer?.hasRoom === true) {
      writeHeld(state, writer);
    } else {
      passHeld(state, write);
    }
  }
  uncork.call(socket);
}

function writeHeld(state: SocketState, writer: SocketWriter): void {
  const first = takeHeld(state) as HeldWrite;
  let callsBack = false;
  for (let write: HeldWrite | undefined = first; write !== undefined; write = write.next) {
    writer.append(write.chunk, write.encoding);
    callsBack ||= write.callback !== undefined;
  }
  written(state, writer);
  if (callsBack) {
    const { _httpMessage: message } = state.socket;
    process.nextTick(callHeld, state.socket, first, message?.finished === false ? message : undefined);
  }
}

/** Calls back for held writes. @param message of http that was not complete when they were passed on */
function callHeld(socket: NetSocket, first: HeldWrite, message: NetSocket['_httpMessage']): void {
  for (let write: HeldWrite | undefined = first; write !== undefined; write = write.next) {
    const { callback } = write;
    if (callback !== undefined) {
      if (isFinish(socket, message, callback, write === first.last)) {
        callback(null);
      } else {
        callTaken(socket, callback);
      }
    }
  }
}
