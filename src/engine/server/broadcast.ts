/** Sending one thing to many: it is encoded once, its bytes are shared, and each connection's own limits hold. */

import { Connection } from '../connection.js';
import type { ConnectionContext, ConnectionRecord } from '../connection-core/record.js';
import { writeShared } from '../connection-core/send.js';
import { isWritable } from '../connection-core/state.js';
import type { SharedBytes } from '../writing/shared-bytes.js';

/** Chooses who is meant. */
export type ConnectionFilter<Context> = (connection: Connection<Context>) => boolean;

/**
 * Writes bytes to the members of a topic, and releases them. Those that are ending or closing are passed over.
 * @returns how many they were written to
 */
export function sendToMembers(members: Iterable<ConnectionRecord>, shared: SharedBytes): number {
  let count = 0;
  try {
    for (const connection of members) {
      count += sendToOne(connection, shared);
    }
  } finally {
    shared.holder.release();
  }
  return count;
}

/** The same with all connections of a group, or those that the filter lets through. */
export function sendToAll<Context>(
  group: ConnectionContext,
  shared: SharedBytes,
  filter?: ConnectionFilter<Context>,
): number {
  let count = 0;
  try {
    for (const { key } of group.engine.port.sockets) {
      if (key instanceof Connection && key.group === group && filter?.(key as Connection<Context>) !== false) {
        count += sendToOne(key, shared);
      }
    }
  } finally {
    shared.holder.release();
  }
  return count;
}

function sendToOne(connection: ConnectionRecord, shared: SharedBytes): 0 | 1 {
  if (!isWritable(connection)) {
    return 0;
  }
  writeShared(connection, shared);
  return 1;
}
