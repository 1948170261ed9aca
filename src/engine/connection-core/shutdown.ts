/** The FIN of our side: requested, posted once everything written was sent, and completed. */

import type { Completion } from '../../port/completion.js';
import { close, finishOrFail } from './close.js';
import { emitToStream } from './emit.js';
import type { ConnectionRecord } from './record.js';
import {
  AWAITING,
  CLOSING,
  END_EMITTED,
  FIN_DEFERRED,
  FIN_POSTED,
  FIN_REQUESTED,
  FIN_SENT,
  LINGERING,
  STREAMED,
  TRUNCATED,
} from './state.js';
import { armTimer } from './timeouts.js';

/** Requests the FIN, which leaves after what was written. */
export function requestFin(connection: ConnectionRecord): void {
  if ((connection.flags & (FIN_REQUESTED | CLOSING)) === 0) {
    connection.flags |= FIN_REQUESTED;
    connection.group.engine.scheduler.flushNext(connection);
  }
}

/** Requests it because the server closes: a handler that is still at work may have its answer to write. */
export function requestFinWhenDone(connection: ConnectionRecord): void {
  if ((connection.flags & AWAITING) === 0) {
    requestFin(connection);
  } else {
    connection.flags |= FIN_DEFERRED;
  }
}

/** Posts the FIN that was requested: everything written was sent. */
export function postFin(connection: ConnectionRecord): void {
  const { flags } = connection;
  const { engine } = connection.group;
  if ((flags & (FIN_POSTED | FIN_SENT)) !== 0) {
    return;
  }
  if ((flags & TRUNCATED) !== 0) {
    close(connection, 'destroyed');
  } else if ((flags & (END_EMITTED | STREAMED)) === END_EMITTED) {
    // The peer's FIN came first: closing sends ours, and saves a call.
    connection.flags |= FIN_SENT;
    close(connection, (flags & LINGERING) === 0 ? 'finished' : 'destroyed');
  } else {
    engine.port.postShutdown(connection.socket);
    connection.flags |= FIN_POSTED;
    engine.counters.shutdownsPosted++;
  }
}

/** The shutdown in flight has completed: the FIN was sent. */
export function finSent(connection: ConnectionRecord, completion: Completion): void {
  connection.group.engine.counters.shutdownsCompleted++;
  connection.flags &= ~FIN_POSTED;
  if (!finishOrFail(connection, completion)) {
    ourEndDone(connection);
  }
}

/** Our side has ended: the FIN was sent, or the peer, which has ended before, is gone. */
export function ourEndDone(connection: ConnectionRecord): void {
  connection.flags |= FIN_SENT;
  connection.phaseTick = connection.group.engine.wheel.tick;
  emitToStream(connection, 'finished');
  if ((connection.flags & LINGERING) !== 0) {
    close(connection, 'destroyed');
  } else if ((connection.flags & END_EMITTED) !== 0) {
    close(connection, 'finished');
  } else {
    armTimer(connection);
  }
}
