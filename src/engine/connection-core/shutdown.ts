/** How our side of a connection ends by the application's wish. */

import type { Completion } from '../../port/completion.js';
import { ticksOf } from '../scheduling/timer-wheel.js';
import { close, closeFailed, finishIfIdle } from './close.js';
import { emitToStream } from './emit.js';
import { errorOf } from './handler-table.js';
import type { ConnectionRecord } from './record.js';
import { write } from './send.js';
import {
  AWAITING,
  CLOSING,
  END_CALLED,
  END_EMITTED,
  ENDS_LATER,
  FIN_POSTED,
  FIN_REQUESTED,
  FIN_SENT,
  LINGERING,
  PAUSED,
} from './state.js';
import { armTimer, setDeadline } from './timeouts.js';

/** Ends our side, behind what was written. */
export function endSending(connection: ConnectionRecord, data?: Uint8Array | string): void {
  if ((connection.flags & (FIN_REQUESTED | CLOSING)) !== 0) {
    return;
  }
  if (data !== undefined) {
    write(connection, data);
  }
  connection.flags |= FIN_REQUESTED;
  connection.group.engine.flushNext(connection);
}

/** Ends our side because the program wants it: writing after that is its mistake. */
export function end(connection: ConnectionRecord, data?: Uint8Array | string): void {
  endSending(connection, data);
  connection.flags |= END_CALLED;
}

/** Ends our side because the server closes: a handler that is not done may still have its answer to write. */
export function endWhenDone(connection: ConnectionRecord): void {
  if ((connection.flags & AWAITING) === 0) {
    endSending(connection);
  } else {
    connection.flags |= ENDS_LATER;
  }
}

/** Closes because the program wants it, after what was written is sent or the linger time is over. */
export function destroy(connection: ConnectionRecord, why: unknown): void {
  if ((connection.flags & LINGERING) !== 0) {
    return;
  }
  const error = why === undefined ? undefined : errorOf(why);
  if (connection.group.limits.lingerMs === 0 || connection.queuedBytes === 0) {
    close(connection, 'destroyed', error);
  } else if ((connection.flags & CLOSING) === 0) {
    linger(connection, error);
  }
}

/** Goes on sending for the linger time; nothing more is read, and the peer's own end is not waited for. */
export function linger(connection: ConnectionRecord, error: Error | undefined): void {
  setDeadline(connection, ticksOf(connection.group.limits.lingerMs));
  connection.ending = { reason: 'destroyed', error, handler: undefined };
  connection.flags |= LINGERING | PAUSED;
  endSending(connection);
}

/** The shutdown in flight has completed: our end is out. */
export function shutDown(connection: ConnectionRecord, completion: Completion): void {
  connection.flags &= ~FIN_POSTED;
  if ((connection.flags & CLOSING) !== 0) {
    finishIfIdle(connection);
    return;
  }
  if (completion.code !== undefined) {
    closeFailed(connection, completion);
    return;
  }
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
