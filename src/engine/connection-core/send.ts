/** The sending side of a connection: what is written in a round leaves together, and one send is in flight. */

import { assert } from '../../base/assert.js';
import { lengthOf } from '../../base/bytes.js';
import { OperationError } from '../../base/errors.js';
import type { Completion } from '../../port/completion.js';
import { SMALL_BYTES_MAX } from '../../port/sending/send-memory.js';
import { checkPayload } from '../writing/payload.js';
import type { SharedBytes } from '../writing/shared-bytes.js';
import { COPY_BYTES_MAX, type WriteQueue } from '../writing/write-queue.js';
import { close, finishOrFail, writeAfterEnd } from './close.js';
import { emit, emitToStream } from './emit.js';
import type { ConnectionRecord } from './record.js';
import { emitDrained, highWaterMark } from './room.js';
import { postFin, requestFin } from './shutdown.js';
import {
  CLOSING,
  DIRTY,
  END_CALLED,
  FIN_REQUESTED,
  LINGERING,
  NEEDS_DRAIN,
  NEEDS_FLUSH,
  SENDING,
  WANTS_ROOM,
} from './state.js';
import { armWriteStall } from './timeouts.js';

/** Flags of a connection to which something happens when its send has completed. */
export const MINDS_SENDS = FIN_REQUESTED | NEEDS_DRAIN | NEEDS_FLUSH | WANTS_ROOM;

/** `drain` comes at this share of the high-water mark. */
const LOW_SHARE = 0.5;

export function write(connection: ConnectionRecord, data: Uint8Array | string): boolean {
  if ((connection.flags & (FIN_REQUESTED | CLOSING)) !== 0) {
    return refuse(connection);
  }
  return append(connection, data);
}

/** The queue of a connection, for one more write of at least one byte. */
function queueForWrite(connection: ConnectionRecord): WriteQueue {
  const { engine, counters } = connection.group;
  connection.queue ??= engine.writes.takeQueue();
  counters.writes++;
  return connection.queue;
}

/** Writes to a connection that is not closing, also after its FIN was requested, which leaves last. */
export function append(connection: ConnectionRecord, data: Uint8Array | string): boolean {
  const { delivery } = connection.group.engine;
  const isChunk = data === delivery.chunk && data !== undefined;
  if (!isChunk) {
    checkPayload(data);
  }
  const buffer = isChunk ? delivery.buffer : undefined;
  const isText = typeof data === 'string';
  // Reading the length of a view takes longer than most of what follows.
  let byteLength = buffer !== undefined ? delivery.chunkBytes : isText ? data.length : lengthOf(data);
  if (byteLength === 0) {
    return hasRoom(connection);
  }
  const queue = queueForWrite(connection);
  if (isText) {
    byteLength = queue.addText(data);
  } else if (buffer !== undefined && staysLent(connection, byteLength)) {
    // The chunk that is being delivered is sent from its buffer: the usual case of an echo, a proxy, a broadcast.
    queue.addLent(buffer, byteLength);
  } else {
    queue.addBytes(data, byteLength);
  }
  return written(connection, byteLength);
}

/** Writes text of which each character is one byte, as `append` does. */
export function appendLatin1(connection: ConnectionRecord, text: string): boolean {
  if (text.length === 0) {
    return hasRoom(connection);
  }
  queueForWrite(connection).addLatin1(text);
  return written(connection, text.length);
}

/**
 * Whether a received chunk is sent from its receive buffer. Small chunks are copied while a send is in flight, as each would
 * keep a whole buffer of a slow connection.
 */
function staysLent({ flags, group }: ConnectionRecord, byteLength: number): boolean {
  return !group.engine.port.poolShort && ((flags & SENDING) === 0 || byteLength > COPY_BYTES_MAX);
}

/** Writes bytes that other connections send too. The connection must be writable. */
export function writeShared(connection: ConnectionRecord, shared: SharedBytes): boolean {
  if (shared.byteLength === 0) {
    return hasRoom(connection);
  }
  const queue = queueForWrite(connection);
  if ((connection.flags & SENDING) !== 0 && shared.byteLength <= SMALL_BYTES_MAX) {
    // Copied for a slow connection, which would otherwise pin whole blocks that all connections share.
    queue.addBytes(shared.memory, shared.byteLength);
  } else {
    queue.addShared(shared);
  }
  return written(connection, shared.byteLength);
}

/** Whether `sendNow` may be called: nothing waits, and the system gets the bytes of the program as they are, without TLS. */
export function canSendNow({ flags, group, queuedBytes }: ConnectionRecord): boolean {
  return group.secure === undefined && queuedBytes === 0 && (flags & (SENDING | FIN_REQUESTED | CLOSING)) === 0;
}

/**
 * Sends the first of these bytes now, as many as the system takes without waiting, after `canSendNow`: for bytes that are too
 * many to be copied, and whose memory the program wants back.
 * @param more whether other bytes follow at once
 * @returns how many it took
 */
export function sendNow(connection: ConnectionRecord, bytes: Uint8Array, more: boolean): number {
  assert(canSendNow(connection));
  const { engine, counters } = connection.group;
  const taken = engine.port.sendNow(connection.socket, bytes, more);
  connection.bytesWritten += taken;
  counters.bytesWritten += taken;
  return taken;
}

/** Whether `write` returns true. If it returns false, `drain` follows. */
function hasRoom(connection: ConnectionRecord): boolean {
  const room = connection.queuedBytes <= highWaterMark(connection);
  if (!room) {
    connection.flags |= NEEDS_DRAIN;
  }
  return room;
}

/** Counts what was written against the limits; returns whether there is room for more. */
function written(connection: ConnectionRecord, byteLength: number): boolean {
  const { engine, limits } = connection.group;
  const queue = connection.queue as WriteQueue;
  queue.queuedBytes += byteLength;
  engine.writes.queuedBytes += byteLength;
  engine.scheduler.flushNext(connection);
  const room = hasRoom(connection);
  if (queue.queuedBytes > limits.pressureHighWaterMarkBytes) {
    engine.writes.trackBacklogged(connection);
  }
  if (engine.writes.queuedBytes > engine.writes.bytesMax) {
    const most = engine.writes.mostQueued() ?? connection;
    close(most, 'engine_queue_full', queueFull(engine.writes.bytesMax, 'the engine may hold (engineQueuedBytesMax)'));
  } else if (connection.queuedBytes > limits.queuedBytesMax) {
    close(
      connection,
      'write_queue_full',
      queueFull(limits.queuedBytesMax, 'the connection may hold (limits.queuedBytesMax)'),
    );
  }
  return room && (connection.flags & CLOSING) === 0;
}

function queueFull(bytesMax: number, limit: string): OperationError {
  return new OperationError({
    code: 'ERR_WRITE_QUEUE_FULL',
    reason: `More than ${bytesMax} bytes wait to be sent, the most that ${limit}; mind what write returns`,
    syscall: 'write',
  });
}

function refuse(connection: ConnectionRecord): false {
  if ((connection.flags & (END_CALLED | CLOSING | LINGERING)) === END_CALLED) {
    throw writeAfterEnd();
  }
  return false;
}

/** Ends our side because the program wants it, after `data`: writing after that is the program's mistake. */
export function end(connection: ConnectionRecord, data?: Uint8Array | string): void {
  if (data !== undefined && (connection.flags & (FIN_REQUESTED | CLOSING)) === 0) {
    append(connection, data);
  }
  requestFin(connection);
  connection.flags |= END_CALLED;
}

/** Posts what was written, unless a send is in flight; after the last of it, the FIN. */
export function flush(connection: ConnectionRecord): void {
  connection.flags &= ~DIRTY;
  const { engine } = connection.group;
  if ((connection.flags & (SENDING | CLOSING)) !== 0) {
    // More bytes, or the FIN, wait for the send in flight.
    engine.port.mindSends();
    return;
  }
  const { queue } = connection;
  if (queue !== undefined && !queue.empty) {
    queue.post(connection.socket);
    if (queue.empty && (connection.flags & MINDS_SENDS) === 0) {
      engine.port.quietLastSend();
    }
    connection.flags |= SENDING;
    engine.counters.sendsPosted++;
    // Not at the write: outside a turn the wheel's tick is that of the last turn, which may be long ago.
    connection.sentTick = engine.wheel.tick;
    armWriteStall(connection);
  } else if ((connection.flags & FIN_REQUESTED) !== 0) {
    postFin(connection);
  }
}

/** The send in flight has completed. */
export function sent(connection: ConnectionRecord, completion: Completion): void {
  connection.group.engine.counters.sendsCompleted++;
  connection.flags &= ~SENDING;
  if (finishOrFail(connection, completion)) {
    return;
  }
  const { engine, counters, limits } = connection.group;
  const { bytes } = completion;
  connection.sentTick = engine.wheel.tick;
  connection.bytesWritten += bytes;
  counters.bytesWritten += bytes;
  const queue = connection.queue as WriteQueue;
  queue.queuedBytes -= bytes;
  engine.writes.queuedBytes -= bytes;
  if (queue.queuedBytes <= limits.pressureHighWaterMarkBytes) {
    engine.writes.untrackBacklogged(connection);
  }
  if (queue.queuedBytes === 0) {
    engine.writes.giveQueue(connection);
  }
  const waits = (connection.flags & (NEEDS_DRAIN | NEEDS_FLUSH | WANTS_ROOM)) !== 0;
  const low = waits && connection.queuedBytes <= highWaterMark(connection) * LOW_SHARE;
  if (low) {
    // The rest, or the FIN, is posted at the end of the round, together with what is written now.
    engine.scheduler.flushNext(connection);
    emitRoom(connection);
  } else {
    connection.postWritten();
  }
}

/** The process ends, and the send in flight has completed: posts what is left, and calls nobody. */
export function sentLast(connection: ConnectionRecord, { bytes, code }: Completion): void {
  const { queue, group } = connection;
  connection.flags &= ~SENDING;
  if (queue !== undefined && code === undefined && (connection.flags & CLOSING) === 0) {
    queue.queuedBytes -= bytes;
    group.engine.writes.queuedBytes -= bytes;
    group.engine.scheduler.flushNext(connection);
  }
}

/** At most half of the high-water mark waits to be sent. */
function emitRoom(connection: ConnectionRecord): void {
  if ((connection.flags & NEEDS_FLUSH) !== 0) {
    connection.flags &= ~NEEDS_FLUSH;
    emitToStream(connection, 'flushed');
  }
  if ((connection.flags & (NEEDS_DRAIN | CLOSING)) === NEEDS_DRAIN) {
    connection.flags &= ~NEEDS_DRAIN;
    if ((connection.flags & (END_CALLED | LINGERING)) === 0) {
      // Also if the server's close requested the FIN: a program that paused until `drain` resumes only then.
      emit(connection, 'drain');
    }
  }
  if ((connection.flags & (WANTS_ROOM | CLOSING)) === WANTS_ROOM) {
    emitDrained(connection);
  }
}
