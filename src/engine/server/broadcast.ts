/** Sends the same bytes to many connections: encoded once and shared. Each connection's own limits hold. */

import type { Connection } from '../connection.js';
import type { ConnectionRecord } from '../connection-core/record.js';
import { writeShared } from '../connection-core/send.js';
import { isWritable } from '../connection-core/state.js';
import type { SharedBytes } from '../writing/shared-bytes.js';

/** Chooses the connections that a broadcast reaches. */
export type ConnectionFilter<Context> = (connection: Connection<Context>) => boolean;

/**
 * Writes bytes to connections, or to those that pass the filter, and releases the bytes. Connections that are ending or
 * closing are left out.
 * @returns the number of connections written to
 */
export function sendToAll<Context>(
  connections: Iterable<ConnectionRecord>,
  shared: SharedBytes,
  filter?: ConnectionFilter<Context>,
): number {
  let count = 0;
  try {
    for (const connection of connections) {
      if (filter?.(connection as Connection<Context>) !== false && isWritable(connection)) {
        writeShared(connection, shared);
        count++;
      }
    }
  } finally {
    shared.holder.release();
  }
  return count;
}
