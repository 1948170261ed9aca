/** The sending side of a connection: what is written in a turn leaves together, and one send is in flight. */

import { OperationError } from '../drivers/error.js';
import type { Completion } from '../port/completion.js';
import type { Pieces } from '../port/send-memory.js';
import { close, finishIfIdle } from './closing.js';
import type { Connection } from './connection.js';
import { armWriteStall } from './deadlines.js';
import { tell } from './events.js';
import { CLOSING, CROWDED, DIRTY, ENDING, NEEDS_DRAIN, SENDING, SHUT, SHUTTING } from './flags.js';

export function write(connection: Connection, data: Uint8Array | string): boolean {
  if ((connection.flags & (ENDING | CLOSING)) !== 0) {
    return refuse(connection);
  }
  const { engine, limits, counters } = connection.group;
  if (data.length === 0) {
    return connection.queuedBytes <= limits.highWaterMarkBytes;
  }
  connection.queue ??= engine.takeQueue();
  counters.writes++;
  let byteLength: number;
  if (typeof data === 'string') {
    byteLength = connection.queue.addText(data);
  } else {
    byteLength = data.byteLength;
    connection.queue.addBytes(data);
  }
  if (connection.queuedBytes === 0) {
    connection.sentTick = engine.wheel.tick;
  }
  connection.queuedBytes += byteLength;
  engine.queuedBytes += byteLength;
  engine.flushNext(connection);
  if (engine.queuedBytes > engine.queuedBytesMax) {
    const largest = engine.mostQueued() ?? connection;
    close(largest, 'process_queue_full', queueFull(engine.queuedBytesMax, 'the engine'));
    if (largest === connection) {
      return false;
    }
  }
  if (connection.queuedBytes <= limits.highWaterMarkBytes) {
    return true;
  }
  connection.flags |= NEEDS_DRAIN;
  engine.crowded(connection);
  if (connection.queuedBytes > limits.queuedBytesMax) {
    close(connection, 'write_queue_full', queueFull(limits.queuedBytesMax, 'the connection'));
  }
  return false;
}

function queueFull(bytesMax: number, whose: string): OperationError {
  return new OperationError({
    code: 'ERR_WRITE_QUEUE_FULL',
    reason: `More than ${bytesMax} bytes wait to be sent, the most that ${whose} may hold (queuedBytesMax); mind what write returns`,
    syscall: 'write',
  });
}

function refuse(connection: Connection): false {
  if ((connection.flags & CLOSING) === 0) {
    throw new OperationError({
      code: 'ERR_STREAM_WRITE_AFTER_END',
      reason: 'The connection was ended on our side',
      syscall: 'write',
    });
  }
  return false;
}

/** Posts what has gathered, unless a send is in flight; behind the last of it, our end. */
export function flush(connection: Connection): void {
  connection.flags &= ~DIRTY;
  if ((connection.flags & (SENDING | CLOSING)) !== 0) {
    return;
  }
  const { engine } = connection.group;
  const pieces = connection.queue?.take();
  if (pieces !== undefined) {
    post(connection, pieces);
    armWriteStall(connection);
  } else if ((connection.flags & (ENDING | SHUTTING | SHUT)) === ENDING) {
    engine.port.postShutdown(connection.socket);
    connection.flags |= SHUTTING;
    engine.counters.posted.shutdown++;
  }
}

function post(connection: Connection, pieces: Pieces): void {
  const { engine } = connection.group;
  try {
    if (pieces.addresses.length === 1) {
      engine.port.postSendAt(connection.socket, pieces.addresses[0] as number, pieces.byteLength, pieces.held[0]);
    } else {
      engine.port.postSendGathered(connection.socket, pieces);
    }
  } catch (error) {
    pieces.release();
    throw error;
  }
  connection.flags |= SENDING;
  engine.counters.posted.send++;
}

/** The send in flight has completed. */
export function sent(connection: Connection, completion: Completion): void {
  connection.flags &= ~SENDING;
  if ((connection.flags & CLOSING) !== 0) {
    finishIfIdle(connection);
    return;
  }
  if (completion.code !== undefined) {
    close(connection, completion.code === 'ECONNRESET' ? 'peer_reset' : 'error', completion.toError());
    return;
  }
  const { engine, counters, limits } = connection.group;
  const { bytes } = completion;
  connection.sentTick = engine.wheel.tick;
  connection.bytesWritten += bytes;
  counters.bytesWritten += bytes;
  connection.queuedBytes -= bytes;
  engine.queuedBytes -= bytes;
  if ((connection.flags & CROWDED) !== 0 && connection.queuedBytes <= limits.highWaterMarkBytes) {
    engine.uncrowded(connection);
  }
  if (connection.queuedBytes === 0) {
    engine.giveQueue(connection);
  }
  flush(connection);
  if ((connection.flags & NEEDS_DRAIN) !== 0 && connection.queuedBytes <= limits.lowWaterMarkBytes) {
    connection.flags &= ~NEEDS_DRAIN;
    if ((connection.flags & ENDING) === 0) {
      tell(connection, 'drain');
    }
  }
}
