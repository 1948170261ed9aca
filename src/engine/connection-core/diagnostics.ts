/**
 * Channels of `node:diagnostics_channel` for what watches connections from outside: tracing, logging. Without
 * subscribers each costs one look at a property.
 */

import { type Channel, channel } from 'node:diagnostics_channel';
import type { CloseReason } from '../close-reasons.js';
import type { ConnectionRecord, Ending } from './record.js';

/** Message of `overlapped:connection:open`: before the handler `open` is called. */
export interface ConnectionOpenedOf<Connection> {
  /** The connection. */
  readonly connection: Connection;
}

/** Message of `overlapped:connection:error`: before the handler `error`, and before the message of its close. */
export interface ConnectionFailedOf<Connection> {
  /** The connection. */
  readonly connection: Connection;
  /** The error. */
  readonly error: Error;
}

/** Message of `overlapped:connection:close`: before the handler `close`. */
export interface ConnectionClosedOf<Connection> {
  /** The connection. */
  readonly connection: Connection;
  /** Why it was closed. */
  readonly reason: CloseReason;
  /** The error, if one closed it. */
  readonly error: Error | undefined;
}

const openChannel = channel('overlapped:connection:open');
const errorChannel = channel('overlapped:connection:error');
const closeChannel = channel('overlapped:connection:close');

type Message =
  | ConnectionOpenedOf<ConnectionRecord>
  | ConnectionFailedOf<ConnectionRecord>
  | ConnectionClosedOf<ConnectionRecord>;

/** Subscribers run in the context of the handlers, as a trace of the program's own would. */
function publish(to: Channel, message: Message): void {
  message.connection.group.context.run(to.publish, to, message);
}

/** Publishes that a connection is there. */
export function publishOpened(connection: ConnectionRecord): void {
  if (openChannel.hasSubscribers) {
    publish(openChannel, { connection });
  }
}

/** Whether a channel of endings has subscribers. */
export function endingsArePublished(): boolean {
  return errorChannel.hasSubscribers || closeChannel.hasSubscribers;
}

/** Publishes how a connection ended. */
export function publishEnding(connection: ConnectionRecord, { reason, error }: Ending): void {
  if (error !== undefined && errorChannel.hasSubscribers) {
    publish(errorChannel, { connection, error });
  }
  if (closeChannel.hasSubscribers) {
    publish(closeChannel, { connection, reason, error });
  }
}
