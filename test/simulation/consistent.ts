/** Which combinations of a connection's flags and fields exist. They hold whenever a handler is called, and between rounds. */

import assert from 'node:assert/strict';
import type { ConnectionRecord } from '../../src/engine/connection-core/record.js';
import {
  AWAITING,
  BACKLOGGED,
  CLOSED,
  CLOSING,
  DIRTY,
  END_CALLED,
  END_EMITTED,
  FIN_DEFERRED,
  FIN_POSTED,
  FIN_REQUESTED,
  FIN_SENT,
  IN_FLIGHT,
  LINGERING,
  NEEDS_FLUSH,
  NO_READER,
  PAUSED,
  PEER_FIN,
  RECEIVING,
  RESUMING,
  SENDING,
  STOPPING,
  STREAMED,
  TRUNCATED,
} from '../../src/engine/connection-core/state.js';

/** Each pair: while one of the first flags is set, at least one of the second is. */
const IMPLIED: readonly (readonly [name: string, flags: number, implied: number])[] = [
  ['a cancelled receive is in flight', STOPPING, RECEIVING],
  ['end follows the FIN of the peer', END_EMITTED, PEER_FIN],
  ['a FIN in flight was requested', FIN_POSTED, FIN_REQUESTED],
  ['a FIN that was sent was requested', FIN_SENT, FIN_REQUESTED],
  ['end requests the FIN', END_CALLED, FIN_REQUESTED | CLOSING],
  ['a deferred FIN has a handler at work', FIN_DEFERRED, AWAITING | RESUMING | CLOSING],
  ['a stream waits for room', NEEDS_FLUSH, STREAMED],
  ['a stream was truncated', TRUNCATED, STREAMED],
  ['a lingering connection requests the FIN', LINGERING, FIN_REQUESTED],
  ['a lingering connection reads nothing', LINGERING, PAUSED],
  ['a closed connection was closing', CLOSED, CLOSING],
];

/** Flags of which at most one is set. */
const EXCLUSIVE: readonly (readonly [name: string, one: number, other: number])[] = [
  ['nothing is received after the FIN of the peer', PEER_FIN, RECEIVING],
  ['a FIN is sent once', FIN_POSTED, FIN_SENT],
  ['nothing is sent with the FIN', FIN_POSTED, SENDING],
  ['nothing is sent after the FIN', FIN_SENT, SENDING],
  ['a closed connection has no operation in flight', CLOSED, IN_FLIGHT],
  ['a closed connection does not receive again', CLOSED, RESUMING],
  ['a closing connection is not backlogged', CLOSING, BACKLOGGED],
];

/** Throws an assertion that names the combination if a connection is in none of its states. */
export function assertConsistent(connection: ConnectionRecord): void {
  const { flags, queuedBytes, group } = connection;
  const has = (flag: number): boolean => (flags & flag) !== 0;
  // Its records are in flight, and it receives after close_notify what may follow: the FIN.
  const isSecure = 'secure' in connection;
  const seen = `(flags ${flags.toString(2)}, ${queuedBytes} bytes queued, ${connection.heldBytes} held)`;
  for (const [name, first, implied] of IMPLIED) {
    assert(!has(first) || has(implied), `${name} ${seen}`);
  }
  for (const [name, one, other] of EXCLUSIVE) {
    assert(!has(one) || !has(other) || (isSecure && one === PEER_FIN), `${name} ${seen}`);
  }
  assert.equal(has(STREAMED), connection.stream !== undefined, `a stream has a sink ${seen}`);
  assert(!has(NO_READER) || connection.messages === undefined, `a framing is a reader ${seen}`);
  assert(queuedBytes >= 0, `queued bytes are sent once ${seen}`);
  assert(connection.heldBytes >= 0, `held bytes are released once ${seen}`);
  if (has(CLOSING)) {
    assert(connection.ending !== undefined, `a closing connection has a reason ${seen}`);
    assert.equal(queuedBytes, 0, `a closing connection sends nothing ${seen}`);
    assert.equal(connection.queue, undefined, `a closing connection has no queue ${seen}`);
    assert.equal(connection.held, undefined, `a closing connection holds no chunk ${seen}`);
    assert.equal(connection.heldBytes, 0, `a closing connection holds no memory ${seen}`);
    assert.equal(connection.timerNext, undefined, `a closing connection has no time limit ${seen}`);
    return;
  }
  assert(!has(LINGERING) || connection.ending !== undefined, `a lingering connection has a reason ${seen}`);
  assert(has(LINGERING) || connection.ending === undefined, `an open connection has no reason to close ${seen}`);
  assert(!has(SENDING) || queuedBytes > 0 || isSecure, `the bytes in flight are queued ${seen}`);
  assert(queuedBytes === 0 || has(SENDING | DIRTY), `queued bytes are posted ${seen}`);
  assert(queuedBytes === 0 || connection.queue !== undefined, `queued bytes are in a queue ${seen}`);
  assert.equal(
    has(BACKLOGGED),
    queuedBytes > group.limits.pressureHighWaterMarkBytes,
    `backlogged by its bytes ${seen}`,
  );
}
