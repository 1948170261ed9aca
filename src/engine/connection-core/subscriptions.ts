/** The subscriptions of a connection to topics of its server; their memory counts as held. */

import { OperationError } from '../../base/errors.js';
import type { ConnectionRecord } from './record.js';
import { isClosed } from './state.js';
import type { Topics } from './topics.js';

function topicsFor({ group }: ConnectionRecord): Topics<ConnectionRecord> {
  if (group.topics === undefined) {
    const reason = 'Topics are of servers, and this connection has none';
    throw new OperationError({ code: 'ERR_NO_SERVER', reason, syscall: 'subscribe' });
  }
  return group.topics;
}

/** @returns whether the connection had not subscribed before, and is not closed */
export function subscribe(connection: ConnectionRecord, name: string): boolean {
  const topics = topicsFor(connection);
  if (isClosed(connection)) {
    // It has left its topics, and would not leave again.
    return false;
  }
  const byteLength = topics.subscribe(connection, name);
  connection.group.engine.held.change(connection, byteLength);
  return byteLength > 0;
}

/** @returns whether the connection had subscribed */
export function unsubscribe(connection: ConnectionRecord, name: string): boolean {
  const byteLength = topicsFor(connection).unsubscribe(connection, name);
  connection.group.engine.held.change(connection, -byteLength);
  return byteLength > 0;
}

/** The topics that the connection has subscribed to. */
export function topicsOf(connection: ConnectionRecord): readonly string[] {
  return connection.group.topics?.topicsOf(connection) ?? [];
}
