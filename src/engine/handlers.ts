/** The public types of handlers, and how the handlers of options are checked. */

import type { Connection } from './connection.js';
import type { ConnectionClosedOf, ConnectionFailedOf, ConnectionOpenedOf } from './connection-core/diagnostics.js';
import {
  HANDLER_NAMES,
  type HandlerErrorInfoOf,
  type HandlerErrorSinkOf,
  type HandlerTable,
} from './connection-core/handler-table.js';

export { errorOf, type HandlerName } from './connection-core/handler-table.js';

/** The handlers that `listen` and `connect` take. */
export interface Handlers<Context = unknown, Message = unknown, Sent = unknown>
  extends HandlerTable<Connection<Context, Sent>, Message> {}

/** Where a handler failed. */
export interface HandlerErrorInfo extends HandlerErrorInfoOf<Connection> {}

/** Called with what a handler threw where its connection has no `error` handler, or that one threw as well. */
export type HandlerErrorSink = HandlerErrorSinkOf<Connection>;

/** Message of `overlapped:connection:open`: before the handler `open` is called. */
export interface ConnectionOpened extends ConnectionOpenedOf<Connection> {}

/** Message of `overlapped:connection:error`: before the handler `error`, and before the message of its close. */
export interface ConnectionFailed extends ConnectionFailedOf<Connection> {}

/** Message of `overlapped:connection:close`: before the handler `close`. */
export interface ConnectionClosed extends ConnectionClosedOf<Connection> {}

/** The handlers of options that were checked. Missing ones may be null there. */
export function handlersOf(options: object): Handlers {
  const given = options as Readonly<Record<string, unknown>>;
  return HANDLER_NAMES.some((name) => given[name] === null) ? withoutNulls(given) : options;
}

/** The same handlers, called on the same object. */
function withoutNulls(given: Readonly<Record<string, unknown>>): Handlers {
  const present = HANDLER_NAMES.filter((name) => typeof given[name] === 'function');
  return Object.fromEntries(present.map((name) => [name, (given[name] as () => unknown).bind(given)]));
}
