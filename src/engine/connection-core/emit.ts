/** Calling handlers: what they throw, or reject with later, ends their connection and nothing else. */

import type { Buffer } from 'node:buffer';
import { awaitHandler, isPromise } from './awaiting.js';
import { resolveClosed } from './close.js';
import { publishEnding, publishOpened } from './diagnostics.js';
import { handlerFailed, reportHandlerError } from './handler-errors.js';
import type { HandlerName } from './handler-table.js';
import type { ConnectionRecord, StreamSink } from './record.js';
import { emitNeverDrained } from './room.js';
import { CLOSED, UNREFERENCED } from './state.js';

export function emitData(connection: ConnectionRecord, chunk: Buffer): void {
  const { handlers } = connection;
  if (handlers.data === undefined) {
    return;
  }
  const { context } = connection.group;
  try {
    const returned = context.runWith(handlers.data, handlers, connection, chunk);
    if (isPromise(returned)) {
      awaitHandler(connection, returned, 'data');
    }
  } catch (error) {
    handlerFailed(connection, error, 'data');
  }
}

/** Called by a framing, which runs in the context of the handlers already. */
export function emitMessage(connection: ConnectionRecord, message: unknown): void {
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

/** Handlers that get only the connection. */
type PlainEvent = 'open' | 'drain' | 'end' | 'serverClosing';

export function emit(connection: ConnectionRecord, event: PlainEvent): void {
  void emitAndAwait(connection, event);
}

/** @returns the promise that the handler has returned, if it did: it ends when that settles, and never rejects */
export function emitAndAwait(connection: ConnectionRecord, event: PlainEvent): Promise<void> | undefined {
  const { handlers } = connection;
  const handler = handlers[event];
  return handler === undefined ? undefined : call(connection, event, handler);
}

/** Calls a handler. That is in a turn of the engine, but for `serverClosing`, which the program's call of `close` causes. */
function call<Rest extends unknown[]>(
  connection: ConnectionRecord,
  name: HandlerName,
  handler: (connection: ConnectionRecord, ...rest: Rest) => unknown,
  ...rest: Rest
): Promise<void> | undefined {
  const { group, handlers } = connection;
  try {
    const returned =
      name === 'serverClosing'
        ? group.context.enter(handler, handlers, connection, ...rest)
        : group.context.run(handler, handlers, connection, ...rest);
    return isPromise(returned) ? watched(connection, returned, name) : undefined;
  } catch (error) {
    handlerFailed(connection, error, name);
    return undefined;
  }
}

/** The promise of a handler: its rejection closes the connection. */
function watched(connection: ConnectionRecord, promise: PromiseLike<unknown>, name: HandlerName): Promise<void> {
  return Promise.resolve(promise).then(
    () => undefined,
    (error: unknown) => handlerFailed(connection, error, name),
  );
}

/** Calls the sink of the stream that reads a connection: it calls back those who write to the stream. */
export function emitToStream(connection: ConnectionRecord, event: keyof StreamSink): void {
  const { group, stream } = connection;
  if (stream !== undefined) {
    try {
      group.context.run(stream[event], stream);
    } catch (error) {
      handlerFailed(connection, error, 'stream');
    }
  }
}

/** Calls `open`. */
export function emitOpen(connection: ConnectionRecord): void {
  publishOpened(connection);
  emit(connection, 'open');
}

/** Calls `error` if something failed, then `close`. */
function emitClose(connection: ConnectionRecord): void {
  const { handlers, ending } = connection;
  if (ending === undefined) {
    return;
  }
  const { error, handler, reason } = ending;
  publishEnding(connection, ending);
  if (error !== undefined) {
    if (handlers.error !== undefined) {
      void (handler === undefined
        ? call(connection, 'error', handlers.error, error)
        : call(connection, 'error', handlers.error, error, handler));
    } else if (handler !== undefined) {
      reportHandlerError(connection, error, handler);
    }
  }
  if (handlers.close !== undefined) {
    void call(connection, 'close', handlers.close, reason);
  }
}

/** The last operation of a connection has ended: calls its last handlers. */
export function emitFinal(connection: ConnectionRecord): void {
  const { engine, counters } = connection.group;
  connection.flags |= CLOSED;
  counters.closed++;
  const reason = connection.ending?.reason;
  if (reason !== undefined) {
    counters.closesByReason[reason]++;
  }
  emitClose(connection);
  emitNeverDrained(connection);
  resolveClosed(connection);
  if ((connection.flags & UNREFERENCED) === 0) {
    engine.reference(-1);
  }
  connection.ended();
  connection.group.connectionClosed(connection);
}
