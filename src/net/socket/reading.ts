/** Received bytes on their way into the stream of a socket, and when it reads. */

import { Buffer } from 'node:buffer';
import { Duplex } from 'node:stream';
import { isBytes } from '../../base/bytes.js';
import { process } from '../../base/runtime.js';
import { pause, resume } from '../../engine/connection-core/receive.js';
import { READ_AHEAD_PIECES_MAX } from '../../engine/streams/stream-adapter.js';
import { parse } from './http-parser.js';
import { type NetSocket, type SocketState, STATE, type UserBuffer, updateReference } from './state.js';

const { push } = Duplex.prototype;

/** Begins to read. */
export function startReading(state: SocketState): void {
  const { connection, userBuffer } = state;
  if (userBuffer !== undefined) {
    userBuffer.paused = false;
    if (userBuffer.waiting !== undefined) {
      // In the next tick: the program's callback must not be called from inside its own call.
      process.nextTick(deliverWaiting, state);
    }
  }
  if (connection === undefined || state.reading || state.peerEnded) {
    return;
  }
  state.reading = true;
  if (!state.opening) {
    resume(connection);
    updateReference(state);
  }
}

/** Stops reading. The system, and for a moment the engine, hold what arrives. */
export function stopReading(state: SocketState): void {
  const { connection } = state;
  state.reading = false;
  if (connection !== undefined && !state.opening) {
    pause(connection);
    updateReference(state);
  }
}

/** The parts of a stream's state that have no public getter. */
interface ReadableInside {
  readonly _readableState: {
    readonly awaitDrainWriters?: unknown;
    /** Pieces; those before the index were read. */
    readonly buffer: { readonly length: number };
    readonly bufferIndex?: number;
  };
}

/** Pieces that wait to be read. */
function waitingPieces(socket: NetSocket): number {
  const { buffer, bufferIndex = 0 } = (socket as unknown as ReadableInside)._readableState;
  return buffer.length - bufferIndex;
}

/** Whether the reader is to read what waits first: a peer may send its bytes one by one, and each piece takes memory of its own. */
export function hasTooManyPieces(socket: NetSocket): boolean {
  return waitingPieces(socket) >= READ_AHEAD_PIECES_MAX;
}

/** The program has read from a stream of many pieces, or wants more than all of them. */
export function readOnIfRead(state: SocketState, wantsMore: boolean): void {
  if (wantsMore || waitingPieces(state.socket) === 0) {
    state.tooManyPieces = false;
    startReading(state);
  }
}

/**
 * Whether a chunk can go to the listeners of `data` without `push`, which would do the same, and then look in the next
 * tick whether to read on: the stream flows, nothing waits in it, it has emitted data before and it decodes nothing.
 */
function flowsFreely(socket: NetSocket): boolean {
  return (
    socket.readableFlowing === true &&
    socket.readableLength === 0 &&
    socket.readableDidRead &&
    socket.readableEncoding === null &&
    socket.push === push &&
    // A pipe that was resumed by hand: `push` forgets whom it waits for.
    !(socket as unknown as ReadableInside)._readableState.awaitDrainWriters &&
    socket.listenerCount('data') > 0
  );
}

/** Gives bytes to the stream. @returns whether to read on */
function deliver(socket: NetSocket, bytes: Buffer): boolean {
  if (flowsFreely(socket)) {
    socket.emit('data', bytes);
    return true;
  }
  const goesOn = socket.push(bytes);
  if (socket.readableLength > 0 && hasTooManyPieces(socket)) {
    socket[STATE].tooManyPieces = true;
    return false;
  }
  return goesOn;
}

/** Bytes were received. They are the program's from now on, so they are copied out of the pool. */
export function received(state: SocketState, chunk: Buffer): void {
  const { socket } = state;
  if (socket.destroyed || !state.attached || parse(state, chunk)) {
    return;
  }
  socket._unrefTimer();
  const goesOn =
    state.userBuffer === undefined ? deliver(socket, Buffer.from(chunk)) : toUserBuffer(state, state.userBuffer, chunk);
  if (!goesOn && state.reading) {
    stopReading(state);
  }
}

/** Makes the first buffer of a connection, or the next one. A value that is no buffer changes nothing. */
export function makeUserBuffer({ userBuffer }: SocketState): void {
  const made = userBuffer?.make?.();
  if (userBuffer !== undefined && isBytes(made)) {
    userBuffer.current = made;
  }
}

/** Copies bytes to buffers of the program. @returns whether to read on */
function toUserBuffer(state: SocketState, user: UserBuffer, chunk: Buffer): boolean {
  let offset = 0;
  while (offset < chunk.length) {
    const buffer = user.current;
    const byteLength = Math.min(buffer?.length ?? 0, chunk.length - offset);
    if (buffer === undefined || byteLength === 0) {
      return false;
    }
    buffer.set(chunk.subarray(offset, offset + byteLength));
    offset += byteLength;
    if (user.callback.call(state.socket, byteLength, buffer) === false) {
      user.paused = true;
    }
    makeUserBuffer(state);
    if (user.paused || state.socket.destroyed) {
      user.waiting = offset < chunk.length ? Buffer.from(chunk.subarray(offset)) : undefined;
      return false;
    }
  }
  return true;
}

/** Delivers what waited for the program to resume. */
function deliverWaiting(state: SocketState): void {
  const user = state.userBuffer;
  const waiting = user?.waiting;
  if (user === undefined || waiting === undefined || user.paused) {
    return;
  }
  user.waiting = undefined;
  if (!toUserBuffer(state, user, waiting)) {
    if (state.reading) {
      stopReading(state);
    }
  } else if (state.peerEnded) {
    endReadable(state);
  }
}

/** The peer has ended. */
export function peerEnded(state: SocketState): void {
  state.peerEnded = true;
  state.reading = false;
  updateReference(state);
  if (state.userBuffer?.waiting === undefined) {
    endReadable(state);
  }
}

/** Everything that was received is in the stream: after it comes the end. */
function endReadable({ socket }: SocketState): void {
  if (!socket.readableEnded && !socket.destroyed) {
    socket.push(null);
    // If nothing is left to be read, `end` is emitted although nothing reads.
    socket.read(0);
  }
}
