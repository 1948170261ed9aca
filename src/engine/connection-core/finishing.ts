/** The end of a connection: its last operation has ended. */

import { emitNeverDrained } from './drained.js';
import { emitClose } from './emit.js';
import type { ConnectionRecord } from './record.js';
import { CLOSED, UNREFERENCED } from './state.js';

/** Tells the end of a connection. */
export function finish(connection: ConnectionRecord): void {
  const { engine, counters } = connection.group;
  connection.flags |= CLOSED;
  counters.closed++;
  const reason = connection.ending?.reason;
  if (reason !== undefined) {
    counters.closesByReason[reason]++;
  }
  emitClose(connection);
  emitNeverDrained(connection);
  if ((connection.flags & UNREFERENCED) === 0) {
    engine.reference(-1);
  }
  connection.group.connectionClosed(connection);
}
