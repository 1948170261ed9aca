/** Calling handlers: what they throw, or reject with later, ends their connection and nothing else. */

import { awaitHandler, isPromise } from './awaiting.js';
import type { Connection } from './connection.js';
import { publishEnding, publishOpened } from './diagnostics.js';
import { handlerFailed, reportHandlerError } from './handler-errors.js';
import type { HandlerName, Handlers } from './handlers.js';

export function tellData(connection: Connection, chunk: Buffer): void {
  const { handlers } = connection;
  if (handlers.data === undefined) {
    return;
  }
  const { context } = connection.group;
  try {
    const returned =
      context === undefined
        ? handlers.data(connection, chunk)
        : context.runInAsyncScope(handlers.data, handlers, connection, chunk);
    if (isPromise(returned)) {
      awaitHandler(connection, returned, 'data');
    }
  } catch (error) {
    handlerFailed(connection, error, 'data');
  }
}

/** It is called for a framing, which runs in the context of the handlers already. */
export function tellMessage(connection: Connection, message: unknown): void {
  const { handlers } = connection;
  if (handlers.message === undefined) {
    return;
  }
  try {
    const returned = handlers.message(connection, message);
    if (isPromise(returned)) {
      awaitHandler(connection, returned, 'message');
    }
  } catch (error) {
    handlerFailed(connection, error, 'message');
  }
}

/** Events that carry nothing. */
type PlainEvent = 'open' | 'drain' | 'end' | 'shutdown' | 'flushed' | 'finished';

/** Handlers whose names no program knows: they call back those who write to a stream. */
const NAMES = {
  open: 'open',
  drain: 'drain',
  end: 'end',
  shutdown: 'shutdown',
  flushed: 'stream',
  finished: 'stream',
} as const;

export function tell(connection: Connection, event: PlainEvent): void {
  void tellAndAwait(connection, event);
}

/** @returns the promise that the handler has returned, if it did: it ends when that settles, and never rejects */
export function tellAndAwait(connection: Connection, event: PlainEvent): Promise<void> | undefined {
  const { handlers } = connection;
  const handler = handlers[event];
  return handler === undefined ? undefined : call(connection, NAMES[event], handler, undefined, undefined);
}

/** Calls a handler with up to two arguments besides its connection. */
function call(
  connection: Connection,
  name: HandlerName,
  handler: (connection: Connection, ...rest: never[]) => unknown,
  first: unknown,
  second: unknown,
): Promise<void> | undefined {
  const { group, handlers } = connection;
  const called = handler as (connection: Connection, first: unknown, second: unknown) => unknown;
  try {
    const returned =
      group.context === undefined
        ? called.call(handlers, connection, first, second)
        : group.context.runInAsyncScope(called, handlers, connection, first, second);
    return isPromise(returned) ? watched(connection, returned, name) : undefined;
  } catch (error) {
    handlerFailed(connection, error, name);
    return undefined;
  }
}

/** A promise of a handler: it must not be rejected unheard. */
function watched(connection: Connection, promise: PromiseLike<unknown>, name: HandlerName): Promise<void> {
  return Promise.resolve(promise).then(
    () => undefined,
    (error: unknown) => handlerFailed(connection, error, name),
  );
}

/** Tells that a connection is there. */
export function tellOpen(connection: Connection): void {
  publishOpened(connection);
  tell(connection, 'open');
}

/** Tells how a connection ended: `error` if something failed, then `close`, the last call for it. */
export function tellClose(connection: Connection): void {
  const { handlers, ending } = connection;
  if (ending === undefined) {
    return;
  }
  const { error, handler, reason } = ending;
  publishEnding(connection, ending);
  if (error !== undefined) {
    if (handlers.error !== undefined) {
      void call(connection, 'error', handlers.error, error, handler);
    } else if (handler !== undefined) {
      reportHandlerError(connection, error, handler);
    }
  }
  if (handlers.close !== undefined) {
    void call(connection, 'close', handlers.close as NonNullable<Handlers['close']>, reason, undefined);
  }
}
