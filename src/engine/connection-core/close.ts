/** Closing a connection, from the decision to the closed socket. The handler `close` is called once, after everything else. */

import { OperationError } from '../../base/errors.js';
import type { Completion } from '../../port/completion.js';
import { connectAddressOf, learnRemoteAddress } from '../../port/socket.js';
import type { CloseReason } from '../close-reasons.js';
import { endingsArePublished } from './diagnostics.js';
import type { HandlerName } from './handler-table.js';
import { type ConnectionRecord, sideOf } from './record.js';
import { CLOSE_AWAITED, CLOSING, IN_FLIGHT, isClosed, TRUNCATED } from './state.js';

/**
 * Reasons for which the peer always sees a reset: nothing that is still on its way would be read, or wanted. For the
 * others it sees the end of the stream, unless bytes of the stream were dropped: a stream that was cut never ends well.
 */
const RESETTING: ReadonlySet<CloseReason> = new Set([
  'reset',
  'write_stall',
  'write_queue_full',
  'engine_queue_full',
  'held_full',
  'engine_held_full',
  'drain_deadline',
]);

/**
 * The codes of an operation that meets the peer's reset, and of those that follow it. A send or a shutdown fails with them
 * for no other reason, as nothing is posted after our own FIN.
 */
const PEER_RESET: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'ENOTCONN']);

/** Closes a connection because an operation on it has failed. */
export function closeFailed(connection: ConnectionRecord, completion: Completion): void {
  const reason = PEER_RESET.has(completion.code as string) ? 'peer_reset' : 'error';
  close(connection, reason, completion.toError());
}

/** Ends a connection that is closing, or whose operation has failed. @returns whether it is one */
export function finishOrFail(connection: ConnectionRecord, completion: Completion): boolean {
  if ((connection.flags & CLOSING) !== 0) {
    finishIfIdle(connection);
    return true;
  }
  if (completion.code !== undefined) {
    closeFailed(connection, completion);
    return true;
  }
  return false;
}

/** Closes a connection: from now on nothing is received or sent. Its handlers are called once its last operation has completed. */
export function close(connection: ConnectionRecord, reason: CloseReason, error?: Error, handler?: HandlerName): void {
  if ((connection.flags & CLOSING) !== 0) {
    return;
  }
  const { engine, counters, limits } = connection.group;
  connection.flags |= CLOSING;
  // A connection that lingers was closed by the program before: that is its reason, whatever ends the lingering.
  const side = sideOf(connection);
  side.ending ??= { reason, error, handler };
  learnPeer(connection);
  if (side.ending.error !== undefined) {
    counters.countError(side.ending.error);
  }
  const cut = connection.queuedBytes > 0 || (connection.flags & TRUNCATED) !== 0;
  engine.wheel.remove(connection);
  engine.writes.untrackBacklogged(connection);
  engine.writes.queuedBytes -= connection.queuedBytes;
  if (connection.queue !== undefined) {
    connection.queue.clear();
    engine.writes.giveQueue(connection);
  }
  if (engine.marks.some) {
    engine.marks.forget(connection);
  }
  dropHeld(connection);
  const reset = cut || RESETTING.has(reason) || (reason === 'destroyed' && limits.lingerMs === 0);
  engine.port.closeSocket(connection.socket, { reset });
  finishIfIdle(connection);
}

/**
 * Asks for the peer's address while the system still knows it, for the handlers of the close. This costs no call where no
 * handler is called, where `connect` made the connection and knows the address, or where it was asked for before.
 */
function learnPeer(connection: ConnectionRecord): void {
  const { handlers, ending, socket } = connection;
  const heard = handlers.close !== undefined || handlers.error !== undefined || ending?.handler !== undefined;
  if (heard || connectAddressOf(socket) !== undefined || endingsArePublished()) {
    learnRemoteAddress(socket);
  }
}

/** When nothing of a closing connection is in flight, its `close` is due: in the next round, never from inside a call. */
export function finishIfIdle(connection: ConnectionRecord): void {
  if ((connection.flags & IN_FLIGHT) === 0) {
    connection.group.engine.scheduler.finishNext(connection);
  }
}

/** Drops what was received and not delivered. */
function dropHeld(connection: ConnectionRecord): void {
  const { held, messages } = connection;
  connection.group.engine.held.forget(connection);
  if (connection.held !== undefined) {
    sideOf(connection).held = undefined;
  }
  messages?.drop();
  for (const chunk of held ?? []) {
    chunk.buffer?.release();
  }
}

/** The error of a write after our own FIN was requested. */
export function writeAfterEnd(): OperationError {
  return new OperationError({
    code: 'ERR_STREAM_WRITE_AFTER_END',
    reason: 'The connection was ended on our side',
    syscall: 'write',
  });
}

/** The error of whatever waits for a connection that is closing. */
export function whyClosed({ ending }: ConnectionRecord): Error {
  const reason = `The connection was closed before it had finished: ${ending?.reason}`;
  return ending?.error ?? new OperationError({ code: 'ERR_STREAM_PREMATURE_CLOSE', reason, syscall: 'stream' });
}

interface AwaitedClose {
  readonly promise: Promise<CloseReason>;
  readonly resolve: (reason: CloseReason) => void;
}

/** Not a field: it would cost each connection a word, and programs wait for few of them. */
const awaitedCloses = new WeakMap<ConnectionRecord, AwaitedClose>();

/** Resolves to the reason once the last handler of the connection was called. It never rejects. */
export function closedPromise(connection: ConnectionRecord): Promise<CloseReason> {
  const { ending } = connection;
  if (isClosed(connection) && ending !== undefined) {
    return Promise.resolve(ending.reason);
  }
  let awaited = awaitedCloses.get(connection);
  if (awaited === undefined) {
    let resolve: AwaitedClose['resolve'] = () => undefined;
    const promise = new Promise<CloseReason>((settle) => {
      resolve = settle;
    });
    awaited = { promise, resolve };
    awaitedCloses.set(connection, awaited);
    connection.flags |= CLOSE_AWAITED;
  }
  return awaited.promise;
}

/** The last handler of the connection was called. */
export function resolveClosed(connection: ConnectionRecord): void {
  if ((connection.flags & CLOSE_AWAITED) !== 0 && connection.ending !== undefined) {
    awaitedCloses.get(connection)?.resolve(connection.ending.reason);
  }
}
