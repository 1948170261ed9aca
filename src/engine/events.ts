/** Calling handlers: what they throw, or reject with later, ends their connection and nothing else. */

import { close } from './closing.js';
import type { Connection } from './connection.js';
import { publishEnding, publishOpened } from './diagnostics.js';
import { errorOf, type Handlers } from './handlers.js';

/** Tells what a handler returned may be a promise of: it must not be rejected unheard. */
function watch(connection: Connection, returned: unknown): void {
  if (typeof (returned as PromiseLike<unknown> | null)?.then === 'function') {
    (returned as PromiseLike<unknown>).then(undefined, (error: unknown) => handlerFailed(connection, error));
  }
}

/** A handler, or what else a program gave for a connection, has thrown or rejected. */
export function handlerFailed(connection: Connection, thrown: unknown): void {
  const { engine, counters } = connection.group;
  counters.handlerErrors++;
  if (connection.closing) {
    // Its `error` has been called, or soon is, for another reason.
    engine.onHandlerError(thrown);
  } else {
    close(connection, 'handler_error', errorOf(thrown));
  }
}

export function tellData(connection: Connection, chunk: Buffer): void {
  const { handlers } = connection;
  if (handlers.data === undefined) {
    return;
  }
  try {
    const returned = handlers.data(connection, chunk);
    if (returned !== undefined) {
      watch(connection, returned);
    }
  } catch (error) {
    handlerFailed(connection, error);
  }
}

export function tellMessage(connection: Connection, message: unknown): void {
  const { handlers } = connection;
  if (handlers.message === undefined) {
    return;
  }
  try {
    const returned = handlers.message(connection, message);
    if (returned !== undefined) {
      watch(connection, returned);
    }
  } catch (error) {
    handlerFailed(connection, error);
  }
}

/** Events that carry nothing. */
type PlainEvent = 'open' | 'drain' | 'end' | 'shutdown' | 'flushed' | 'finished';

export function tell(connection: Connection, event: PlainEvent): void {
  const { handlers } = connection;
  if (handlers[event] === undefined) {
    return;
  }
  try {
    const returned = handlers[event](connection);
    if (returned !== undefined) {
      watch(connection, returned);
    }
  } catch (error) {
    handlerFailed(connection, error);
  }
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
  const { engine } = connection.group;
  const { error } = ending;
  publishEnding(connection, ending);
  if (error !== undefined) {
    if (handlers.error !== undefined) {
      last(connection, () => (handlers as Required<Handlers>).error(connection, error));
    } else if (ending.reason === 'handler_error') {
      engine.onHandlerError(error);
    }
  }
  if (handlers.close !== undefined) {
    last(connection, () => (handlers as Required<Handlers>).close(connection, ending.reason));
  }
}

/** Calls a handler of a connection that is over: there is nothing left to close. */
function last(connection: Connection, call: () => unknown): void {
  try {
    watch(connection, call());
  } catch (error) {
    handlerFailed(connection, error);
  }
}
