/** `destroy`: what was written before is sent for the linger time, and then the connection is closed. */

import { ticksOf } from '../scheduling/timer-wheel.js';
import { close } from './close.js';
import { errorOf } from './handler-table.js';
import { type ConnectionRecord, sideOf } from './record.js';
import { requestFin } from './shutdown.js';
import { CLOSING, LINGERING, PAUSED } from './state.js';
import { setDeadline } from './timeouts.js';

/** Whether something is to be sent before the FIN: what was written, or the end of a TLS stream. */
export function hasUnsent(connection: ConnectionRecord): boolean {
  return connection.queuedBytes > 0 || connection.hasLastWords;
}

/** Closes a connection because the program wants it, once what was written is sent or the linger time is over. */
export function destroy(connection: ConnectionRecord, why: unknown): void {
  if ((connection.flags & LINGERING) !== 0) {
    return;
  }
  const error = why === undefined ? undefined : errorOf(why);
  if (connection.group.limits.lingerMs === 0 || !hasUnsent(connection)) {
    close(connection, 'destroyed', error);
  } else if ((connection.flags & CLOSING) === 0) {
    linger(connection, error);
  }
}

/** Keeps sending for the linger time. The connection reads nothing more, and does not wait for the peer's FIN. */
export function linger(connection: ConnectionRecord, error: Error | undefined): void {
  setDeadline(connection, ticksOf(connection.group.limits.lingerMs));
  sideOf(connection).ending = { reason: 'destroyed', error, handler: undefined };
  connection.flags |= LINGERING | PAUSED;
  requestFin(connection);
}
