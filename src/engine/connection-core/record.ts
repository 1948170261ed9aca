/** What the connections of one server, or of one `connect`, share. */

import type { AsyncContext } from '../../port/async-context.js';
import type { Connection } from '../connection.js';
import type { Engine } from '../engine.js';
import type { Handlers } from '../handlers.js';
import type { MessageRules } from '../messages/messages.js';
import type { CheckedLimits } from '../options.js';
import type { ConnectionCounters } from '../statistics.js';
import type { Topics } from './topics.js';

export interface ConnectionContext {
  readonly engine: Engine;
  readonly handlers: Handlers;
  /** The async context of the program's `listen` or `connect`, for its handlers. */
  readonly context: AsyncContext;
  readonly limits: CheckedLimits;
  readonly counters: ConnectionCounters;
  /** What messages are, where bytes are messages. */
  readonly messages: MessageRules | undefined;
  /** Who has subscribed to what, on a server. */
  readonly topics: Topics | undefined;
  /** The connection is over, and its handlers have been told. */
  connectionClosed(connection: Connection): void;
}
