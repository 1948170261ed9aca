/** The room in the write queue of a connection, and waiting for it outside of handlers: in loops, and for streams. */

import { whyClosed, writeAfterEnd } from './close.js';
import type { ConnectionRecord } from './record.js';
import { isClosing, isWritable, WANTS_ROOM } from './state.js';

/**
 * With more than this waiting `write` returns false. A large send costs the system less for each byte, so one connection may have much
 * waiting, for as long as all together have little.
 */
export function highWaterMark({ group }: ConnectionRecord): number {
  const { engine, limits } = group;
  return engine.writes.underPressure ? limits.pressureHighWaterMarkBytes : limits.highWaterMarkBytes;
}

/** Whether more than the high-water mark waits to be sent. */
export function isFull(connection: ConnectionRecord): boolean {
  return connection.queuedBytes > highWaterMark(connection);
}

type Done = (error?: Error) => void;

/** Not a field: it would cost each connection a word, and programs wait for few of them. */
const waiting = new WeakMap<ConnectionRecord, Done[]>();

/** Calls `done` once at most half of the high-water mark waits, or with an error if the connection closes before. */
export function whenDrained(connection: ConnectionRecord, done: Done): void {
  const others = waiting.get(connection);
  if (others === undefined) {
    waiting.set(connection, [done]);
  } else {
    others.push(done);
  }
  connection.flags |= WANTS_ROOM;
  connection.group.engine.port.mindSends();
}

/** There is room. */
export function emitDrained(connection: ConnectionRecord): void {
  settle(connection, undefined);
}

/** The connection is closed: whatever waits for room fails. */
export function emitNeverDrained(connection: ConnectionRecord): void {
  if ((connection.flags & WANTS_ROOM) !== 0) {
    settle(connection, whyClosed(connection));
  }
}

function settle(connection: ConnectionRecord, error: Error | undefined): void {
  connection.flags &= ~WANTS_ROOM;
  const done = waiting.get(connection) ?? [];
  waiting.delete(connection);
  for (const each of done) {
    each(error);
  }
}

/** A promise of the same; settled at once if there is room, or nothing can be written any more. */
export function drained(connection: ConnectionRecord): Promise<void> {
  if (isClosing(connection)) {
    return Promise.reject(whyClosed(connection));
  }
  if (!isWritable(connection)) {
    // A loop of writes would otherwise never let the event loop go on.
    return Promise.reject(writeAfterEnd());
  }
  if (!isFull(connection)) {
    return Promise.resolve();
  }
  return new Promise((resolve, reject) => {
    whenDrained(connection, (error) => (error === undefined ? resolve() : reject(error)));
  });
}
