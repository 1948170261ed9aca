/** The fields of a connection that `console.log` and `JSON.stringify` show. */

import { type InspectOptionsStylized, inspect } from 'node:util';
import { formatAddress } from '../base/address.js';
import { knownRemoteAddress } from '../port/socket.js';
import type { CloseReason } from './close-reasons.js';
import type { ConnectionRecord } from './connection-core/record.js';
import { isClosed, isClosing } from './connection-core/state.js';

/** A connection in plain values. */
export interface ConnectionReport {
  /** A number that no other connection of this thread has. */
  readonly id: number;
  /** Whether it is open, closing or closed. */
  readonly state: 'open' | 'closing' | 'closed';
  /** Why it closes, once that is known. */
  readonly reason?: CloseReason;
  /** The peer's address, unless the system no longer knows it. */
  readonly remoteAddress?: string;
  /** Bytes received. */
  readonly bytesRead: number;
  /** Bytes sent. */
  readonly bytesWritten: number;
  /** Bytes that wait to be sent. */
  readonly queuedBytes: number;
  /** Bytes of memory that hold received data. */
  readonly heldBytes: number;
}

export function reportOf(connection: ConnectionRecord): ConnectionReport {
  const { id, ending, socket, bytesRead, bytesWritten, queuedBytes, heldBytes } = connection;
  const address = knownRemoteAddress(socket);
  return {
    id,
    state: isClosed(connection) ? 'closed' : isClosing(connection) ? 'closing' : 'open',
    ...(ending === undefined ? {} : { reason: ending.reason }),
    ...(address === undefined ? {} : { remoteAddress: formatAddress(address) }),
    bytesRead,
    bytesWritten,
    queuedBytes,
    heldBytes,
  };
}

export function inspectConnection(
  connection: ConnectionRecord,
  depth: number,
  options: InspectOptionsStylized,
): string {
  return depth < 0
    ? options.stylize('[Connection]', 'special')
    : `Connection ${inspect(reportOf(connection), options)}`;
}
