/** The receiving side of a connection. */

import { Buffer } from 'node:buffer';
import { lengthOf } from '../../base/bytes.js';
import type { LentBuffer } from '../../base/lent-memory.js';
import type { Completion } from '../../port/completion.js';
import { close, closeFailed, finishIfIdle } from './close.js';
import { emitAndAwait, emitData } from './emit.js';
import { stopReceiving, stopSoon } from './held-memory.js';
import { type ConnectionRecord, type HeldChunk, sideOf } from './record.js';
import { requestFin } from './shutdown.js';
import {
  AWAITING,
  CLOSING,
  END_EMITTED,
  FIN_DEFERRED,
  FIN_REQUESTED,
  FIN_SENT,
  HOLDING,
  LINGERING,
  NO_READER,
  PAUSED,
  PEER_FIN,
  QUOTA_SPENT,
  RECEIVES_ONCE,
  RECEIVING,
  RESUMING,
  STOPPED,
  STOPPING,
  STREAMED,
} from './state.js';
import { armTimer, beginAnew } from './timeouts.js';

/** A held chunk that fills at most this share of its receive buffer is copied, as it would keep the whole buffer. */
const COPIED_SHARE = 0.5;

/** Chunks of at least this many bytes may be part of a fast stream. */
const STREAM_CHUNK_BYTES = 8192;

/** Once a paused connection holds more chunks than this, each of its later receives brings one chunk. */
const HELD_CHUNKS_FEW = 4;

const ONCE = { once: true } as const;

/** Keeps a receive in flight, unless the connection has a reason to receive nothing. */
export function receive(connection: ConnectionRecord): void {
  if ((connection.flags & (RECEIVING | STOPPED | PEER_FIN | CLOSING)) === 0 && connection.held === undefined) {
    const { engine } = connection.group;
    engine.port.postReceive(connection.socket, (connection.flags & RECEIVES_ONCE) === 0 ? undefined : ONCE);
    engine.counters.receivesPosted++;
    connection.flags |= RECEIVING;
  }
}

/** A completion of the receive in flight. */
export function received(connection: ConnectionRecord, completion: Completion): void {
  connection.group.engine.counters.receivesCompleted++;
  if (!completion.more) {
    connection.flags &= ~(RECEIVING | STOPPING);
  }
  if ((connection.flags & CLOSING) !== 0) {
    finishIfIdle(connection);
    return;
  }
  if (completion.buffer === undefined) {
    receiveEnded(connection, completion);
    return;
  }
  connection.receivedTick = connection.group.engine.wheel.tick;
  if ((connection.flags & HOLDING) !== 0 || connection.held !== undefined) {
    hold(connection, completion);
  } else {
    deliver(connection, completion.data, completion.bytes, completion.buffer);
  }
  receive(connection);
}

/**
 * A completion of the receive in flight that brings no data: its bytes belong to a protocol below, or there are none, and
 * then no receive follows.
 * @param again whether a receive follows bytes at once
 */
export function receivedNoData(connection: ConnectionRecord, completion: Completion, again = true): void {
  const { engine } = connection.group;
  engine.counters.receivesCompleted++;
  if (!completion.more) {
    connection.flags &= ~(RECEIVING | STOPPING);
  }
  if ((connection.flags & CLOSING) !== 0) {
    finishIfIdle(connection);
    return;
  }
  if (completion.buffer !== undefined) {
    connection.receivedTick = engine.wheel.tick;
    if (again) {
      receive(connection);
    }
  }
}

/** Data that is in no receive buffer. @param lent the memory that it begins; undefined if nobody else uses that */
export function receivedCopy(connection: ConnectionRecord, bytes: Buffer, lent?: LentBuffer): void {
  if ((connection.flags & CLOSING) !== 0) {
    return;
  }
  if ((connection.flags & HOLDING) !== 0 || connection.held !== undefined) {
    holdChunk(connection, { buffer: undefined, bytes: lent === undefined ? bytes : ownCopy(bytes) });
  } else {
    deliver(connection, bytes, bytes.length, lent);
  }
}

/** Hands bytes to the handlers. */
function deliver(
  connection: ConnectionRecord,
  chunk: Buffer,
  byteLength: number,
  buffer: LentBuffer | undefined,
): void {
  const { engine, counters, limits } = connection.group;
  connection.bytesRead += byteLength;
  counters.bytesRead += byteLength;
  counters.messagesRead++;
  if (connection.round !== engine.scheduler.round) {
    connection.round = engine.scheduler.round;
    connection.roundBytes = 0;
  }
  connection.roundBytes += byteLength;
  if (connection.roundBytes >= limits.roundBytesMax) {
    connection.flags |= QUOTA_SPENT;
    engine.scheduler.resumeNext(connection);
  }
  if (byteLength >= STREAM_CHUNK_BYTES && connection.messages === undefined) {
    engine.marks.streamed(connection, byteLength);
  }
  if (buffer !== undefined && engine.delivery.handlersAwait && engine.port.poolShort) {
    // A handler that awaits may keep its buffer for long, and what it waits for may need a buffer to arrive.
    handOver(connection, Buffer.from(chunk), byteLength, undefined);
  } else {
    handOver(connection, chunk, byteLength, buffer);
  }
}

function handOver(
  connection: ConnectionRecord,
  chunk: Buffer,
  byteLength: number,
  buffer: LentBuffer | undefined,
): void {
  const { engine } = connection.group;
  engine.delivery.buffer = buffer;
  engine.delivery.copiedBytes = buffer === undefined ? byteLength : 0;
  if (connection.messages !== undefined) {
    connection.messages.received(chunk);
  } else {
    engine.delivery.chunk = chunk;
    engine.delivery.chunkBytes = byteLength;
    emitData(connection, chunk);
    engine.delivery.chunk = undefined;
  }
  engine.delivery.buffer = undefined;
  engine.delivery.copiedBytes = 0;
}

/** Keeps bytes for later, and stops a receive that would bring more and more of them. */
function hold(connection: ConnectionRecord, completion: Completion): void {
  holdChunk(connection, heldChunk(connection.group.engine.port.poolShort, completion));
}

function holdChunk(connection: ConnectionRecord, chunk: HeldChunk): void {
  const { engine } = connection.group;
  const side = sideOf(connection);
  side.held ??= [];
  side.held.push(chunk);
  if (side.held.length > HELD_CHUNKS_FEW) {
    connection.flags |= RECEIVES_ONCE;
  }
  engine.held.change(connection, memoryOf(chunk));
  stopReceiving(connection);
}

function heldChunk(poolShort: boolean, completion: Completion): HeldChunk {
  const { buffer, data } = completion;
  if (buffer !== undefined && !poolShort && data.length > buffer.sizeBytes * COPIED_SHARE) {
    return { buffer: completion.take(), bytes: data };
  }
  return { buffer: undefined, bytes: ownCopy(data) };
}

/** Not from Node's pool: a slice of it would keep the whole pool. */
function ownCopy(data: Buffer): Buffer {
  const bytes = Buffer.allocUnsafeSlow(data.length);
  data.copy(bytes);
  return bytes;
}

/** The memory that a chunk holds: all of its receive buffer, or its copy. */
function memoryOf({ buffer, bytes }: HeldChunk): number {
  return buffer === undefined ? bytes.length : buffer.sizeBytes;
}

/** A receive completed without bytes: the peer's FIN, an error, or our cancellation. */
function receiveEnded(connection: ConnectionRecord, completion: Completion): void {
  if (completion.code === undefined) {
    peerEnded(connection);
  } else if (completion.code === 'ECANCELED') {
    receive(connection);
  } else {
    closeFailed(connection, completion);
  }
}

/** The peer has ended its stream: `end` follows what is left to deliver. */
export function peerEnded(connection: ConnectionRecord): void {
  connection.flags |= PEER_FIN;
  // A connection that was just resumed may have messages left: the next round delivers them, and then calls `end`.
  const waits = connection.held !== undefined || connection.messages?.stopped === true;
  if (!waits && (connection.flags & (STOPPED | RESUMING)) === 0) {
    emitEnd(connection);
  }
}

/** Everything before the peer's end has been delivered. */
function emitEnd(connection: ConnectionRecord): void {
  const { engine, limits } = connection.group;
  if (connection.messages?.endedWhole() === false) {
    return;
  }
  connection.flags |= END_EMITTED;
  connection.phaseTick = engine.wheel.tick;
  const handlerDone = emitAndAwait(connection, 'end');
  if ((connection.flags & CLOSING) !== 0) {
    return;
  }
  if ((connection.flags & FIN_SENT) !== 0) {
    close(connection, 'finished');
  } else if (limits.allowHalfOpen || (connection.flags & (FIN_REQUESTED | STREAMED)) !== 0) {
    armTimer(connection);
  } else if (handlerDone === undefined) {
    requestFin(connection);
  } else {
    // The handler may still write, so our FIN follows its promise.
    armTimer(connection);
    void handlerDone.then(() => requestFin(connection));
  }
}

export function pause(connection: ConnectionRecord): void {
  connection.flags |= PAUSED;
  stopSoon(connection);
}

export function resume(connection: ConnectionRecord): void {
  // A connection that lingers only sends, and calls no handler but those of its close.
  if ((connection.flags & (PAUSED | NO_READER)) !== 0 && (connection.flags & LINGERING) === 0) {
    connection.flags &= ~(PAUSED | NO_READER);
    beginAnew(connection);
    connection.group.engine.scheduler.resumeNext(connection);
  }
}

/** Delivers what was held, and receives again. */
export function resumeNow(connection: ConnectionRecord): void {
  connection.flags &= ~(RESUMING | QUOTA_SPENT);
  if ((connection.flags & (FIN_DEFERRED | AWAITING)) === FIN_DEFERRED) {
    connection.flags &= ~FIN_DEFERRED;
    requestFin(connection);
  }
  if (connection.messages?.stopped === true && (connection.flags & (HOLDING | CLOSING)) === 0) {
    connection.messages.proceed();
  }
  const { held } = connection;
  while (held !== undefined && held.length > 0 && (connection.flags & (HOLDING | CLOSING)) === 0) {
    const chunk = held.shift() as (typeof held)[number];
    try {
      deliver(connection, chunk.bytes, lengthOf(chunk.bytes), chunk.buffer);
    } finally {
      chunk.buffer?.release();
      connection.group.engine.held.change(connection, -memoryOf(chunk));
    }
  }
  if ((connection.flags & (HOLDING | CLOSING)) !== 0) {
    return;
  }
  if (held !== undefined) {
    sideOf(connection).held = undefined;
  }
  if ((connection.flags & (PEER_FIN | END_EMITTED)) === PEER_FIN) {
    emitEnd(connection);
  } else {
    receive(connection);
  }
}
