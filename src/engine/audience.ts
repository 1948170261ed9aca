/** Sending one thing to many: it is encoded once, its bytes are shared, and each connection's own limits hold. */

import type { Connection } from './connection.js';
import { writeShared } from './sending.js';
import type { SharedBytes } from './shared-bytes.js';

/** Chooses who is meant. */
export type ConnectionFilter<Context> = (connection: Connection<Context>) => boolean;

/**
 * Writes bytes to connections, and releases them. Those that are ending or closing are passed over.
 * @returns how many they were written to
 */
export function sendToAll<Context>(
  connections: Iterable<Connection<Context>>,
  shared: SharedBytes,
  filter?: ConnectionFilter<Context>,
): number {
  let count = 0;
  try {
    for (const connection of connections) {
      if (connection.writable && filter?.(connection) !== false) {
        writeShared(connection as Connection, shared);
        count++;
      }
    }
  } finally {
    shared.release();
  }
  return count;
}
