/** The public types of handlers, and how the handlers of options are checked. */

import { OperationError, textOf } from '../base/errors.js';
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
export interface Handlers<Context = unknown, Message = unknown> extends HandlerTable<Connection<Context>, Message> {}

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

/**
 * The handlers of options, checked. Missing ones may be null.
 * @throws OperationError `ERR_INVALID_ARG_TYPE` for a handler that is no function, `ERR_INVALID_ARG_VALUE` for `message`
 * where there are no messages
 */
export function checkHandlers(options: object): Handlers {
  const given = options as Readonly<Record<string, unknown>>;
  let nulls = false;
  for (const name of HANDLER_NAMES) {
    const handler = given[name];
    nulls ||= handler === null;
    if (typeof handler !== 'function' && handler !== undefined && handler !== null) {
      const reason = `${name}: expected a function, got ${textOf(handler)}`;
      throw new OperationError({ code: 'ERR_INVALID_ARG_TYPE', reason, syscall: 'options' });
    }
  }
  const { data, framing, message } = given;
  if (typeof message === 'function' && typeof data !== 'function' && (framing ?? undefined) === undefined) {
    const reason = 'message: expected a framing with it, which says where messages end; without one there is data';
    throw new OperationError({ code: 'ERR_INVALID_ARG_VALUE', reason, syscall: 'options' });
  }
  return nulls ? withoutNulls(given) : options;
}

/** The same handlers, called on the same object. */
function withoutNulls(given: Readonly<Record<string, unknown>>): Handlers {
  const present = HANDLER_NAMES.filter((name) => typeof given[name] === 'function');
  return Object.fromEntries(present.map((name) => [name, (given[name] as () => unknown).bind(given)]));
}
