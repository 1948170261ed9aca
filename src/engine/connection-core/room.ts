/** How much a connection may have waiting to be sent. */

import type { ConnectionRecord } from './record.js';

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
