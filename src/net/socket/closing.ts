/** How a socket ends: `destroy`, a reset, and the close of its connection by the engine or the peer. */

import { Buffer } from 'node:buffer';
import { withCode } from '../../base/argument-errors.js';
import { clearTimeout, process, setImmediate } from '../../base/runtime.js';
import type { Connection } from '../../engine/connection.js';
import { close, whyClosed } from '../../engine/connection-core/close.js';
import { destroy, hasUnsent } from '../../engine/connection-core/linger.js';
import { sideOf } from '../../engine/connection-core/record.js';
import { CLOSING, END_EMITTED, FIN_REQUESTED, FIN_SENT, TRUNCATED } from '../../engine/connection-core/state.js';
import { SecureConnection } from '../../engine/secure/secure-connection.js';
import type { Payload } from '../../engine/writing/payload.js';
import { secureError } from '../secure/errors.js';
import { heldWrites } from './held-writes.js';
import { passHeld } from './quick-writes.js';
import { type NetSocket, type SocketState, STATE } from './state.js';
import type { Done } from './writer.js';
import { bytesDispatchedOf, payloadOf, type WriteRequest } from './writing.js';

/** Its end was sent, or it will be closed otherwise, or reset. */
const ENDS_OTHERWISE = FIN_REQUESTED | FIN_SENT | CLOSING | TRUNCATED;

const BOTH_ENDED = FIN_SENT | END_EMITTED;

/** The property that Node's documentation of DEP0003 names for looking at writes that wait in a stream. */
interface WaitingWrites {
  readonly _writableState?: { getBuffer?(): readonly WriteRequest[] };
}

/** The most bytes of writes that wait in the stream that are sent after `destroy`: node:net drops all of them. */
const LEFT_BYTES_MAX = 512 * 1024;

/**
 * Data that waits in the stream, in copies, as Node calls its callbacks back now. If that is too much, the connection is
 * reset in the end: a stream that was cut must not look complete.
 */
function waitingWrites(socket: NetSocket, connection: Connection, held: readonly WriteRequest[]): Payload[] {
  const buffered = (socket as unknown as WaitingWrites)._writableState?.getBuffer?.() ?? [];
  const requests = [...held, ...buffered];
  const copies: Payload[] = [];
  let left = LEFT_BYTES_MAX;
  for (const request of requests) {
    const data = payloadOf(request.chunk, request.encoding);
    left -= data.length;
    if (left < 0) {
      connection.flags |= TRUNCATED;
      break;
    }
    copies.push(typeof data === 'string' ? data : Buffer.from(data));
  }
  return copies;
}

/** Destroys a socket, for `_destroy`. Bytes written before leave in the background, as they do from the system's buffer. */
export function destroySocket(state: SocketState, exception: Error | null, done: Done): void {
  const { socket, connection } = state;
  socket.connecting = false;
  clearTimeout(state.timer);
  state.timer = undefined;
  const wasAttached = state.attached;
  state.attempt?.cancel();
  state.attempt = undefined;
  state.attached = false;
  if (connection !== undefined) {
    state.keepCounts(connection.bytesRead, bytesDispatchedOf(state));
    state.connection = undefined;
    endConnection(state, connection, exception);
  }
  if (state.held !== undefined) {
    process.nextTick(passHeld, state, failWrite);
  }
  state.writer = undefined;
  state.reading = false;
  state.localName = undefined;
  done(exception);
  if (wasAttached) {
    // As libuv calls back for a closed handle: after what this turn of the event loop has received.
    const emit = state.tlsClose === undefined ? emitClose : emitCloseOverTls;
    setImmediate(emit, socket, exception !== null && exception !== undefined);
  } else {
    process.nextTick(emitClose, socket, undefined);
  }
  leaveServer(socket);
}

/**
 * Ends the connection of a destroyed socket. The handler `error` of a program's own connection gets the exception, and its
 * peer sees a reset after a stream that was broken off.
 */
function endConnection(state: SocketState, connection: Connection, exception: Error | null): void {
  const { socket, writer, adopted } = state;
  // The socket may have another connection soon.
  sideOf(connection).stream = writer;
  const failure = adopted === undefined ? undefined : (exception ?? undefined);
  if (state.referenced) {
    // Until what was written has left.
    connection.ref();
  }
  if (socket.resetAndClosing === true) {
    socket.resetAndClosing = false;
    close(connection, 'reset');
  } else if ((connection.flags & BOTH_ENDED) === BOTH_ENDED) {
    close(connection, 'finished');
  } else if (connection instanceof SecureConnection && !connection.secure.opened) {
    // Its handshake is not done: as with node:tls, nothing is sent.
    close(connection, 'destroyed', failure);
  } else {
    if (failure !== undefined && adopted?.isCut(failure) === true) {
      connection.flags |= TRUNCATED;
    }
    if (writer?.goesOn(waitingWrites(socket, connection, heldWrites(state)), failure) !== true) {
      if (!hasUnsent(connection) && (connection.flags & ENDS_OTHERWISE) === 0) {
        // As the close of a handle: before what the program does next, on other sockets too.
        connection.group.engine.port.endNow(connection.socket);
      }
      destroy(connection, failure);
    }
  }
}

/** Calls back for a write that the socket has held: its bytes may still leave, but nobody is to rely on that. */
function failWrite(socket: NetSocket, _chunk: unknown, _encoding: unknown, callback: Done | undefined): void {
  callback?.(
    socket.errored ?? withCode(new Error('Cannot call write after a stream was destroyed'), 'ERR_STREAM_DESTROYED'),
  );
}

function emitClose(socket: NetSocket, hadError: boolean | undefined): void {
  if (hadError === undefined) {
    socket.emit('close');
  } else {
    socket.emit('close', hadError);
  }
}

/**
 * As a `TLSSocket` on a handle is destroyed before other listeners hear of the close. Here it sits on a wrapper of Node
 * (JSStreamSocket), which takes one more round for that.
 */
function emitCloseOverTls(socket: NetSocket, hadError: boolean): void {
  const { tlsClose } = socket[STATE];
  if (tlsClose !== undefined && socket.rawListeners('close').includes(tlsClose)) {
    socket.removeListener('close', tlsClose);
    tlsClose.call(socket, hadError);
  }
  setImmediate(emitClose, socket, hadError);
}

function leaveServer(socket: NetSocket): void {
  const { _server } = socket;
  if (_server !== null && _server !== undefined) {
    _server._connections--;
    _server._emitCloseIfDrained?.();
  }
}

/** Our end found the peer gone, after its own: node:net takes that for an end that was sent. */
function isLateEnd(connection: Connection, error: Error | undefined): boolean {
  const { code, syscall } = (error ?? {}) as NodeJS.ErrnoException;
  if (connection instanceof SecureConnection && syscall === 'send') {
    // All that was to be sent was close_notify.
    const { goodbye, plainInFlight } = connection.secure;
    return goodbye && plainInFlight === 0;
  }
  return syscall === 'shutdown' && code === 'ENOTCONN';
}

/** The engine has closed a connection. */
export function connectionClosed(state: SocketState, connection: Connection): void {
  const { ending } = connection;
  const writer = state.connection === connection ? state.writer : undefined;
  if (writer === undefined || ending === undefined) {
    // The socket was destroyed before.
    return;
  }
  if (ending.reason === 'finished' || (state.peerEnded && isLateEnd(connection, ending.error))) {
    // Both sides have ended. The program reads the rest, and then the stream destroys itself.
    writer.closed(undefined);
    if (!state.socket.writableEnded) {
      // Our side was ended at the connection itself.
      state.socket.end();
    }
    return;
  }
  const { error } = ending;
  const seen = error === undefined ? undefined : secureError(error);
  const syscall = (seen as NodeJS.ErrnoException | undefined)?.syscall;
  if (syscall === 'write') {
    writer.closed(seen);
  }
  if (!state.socket.destroyed) {
    state.socket.destroy(seen);
  }
  writer.closed(error === undefined ? whyClosed(connection) : undefined);
}
