/** Sending one thing to many: it is encoded once, its bytes are shared, and each connection's own limits hold. */

import type { Connection } from './connection.js';
import { writeShared } from './sending.js';
import { SharedBytes } from './shared-bytes.js';

/** Chooses who is meant. */
export type ConnectionFilter<Context> = (connection: Connection<Context>) => boolean;

/** What can be sent to many: bytes or text. */
export type Payload = Uint8Array | string;

/**
 * Writes bytes to connections. Those that are ending or closing are passed over.
 * @returns how many they were written to
 */
export function sendToAll<Context>(
  connections: Iterable<Connection<Context>>,
  pieces: readonly Payload[],
  filter: ConnectionFilter<Context> | undefined,
): number {
  const shared = new SharedBytes(pieces);
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
