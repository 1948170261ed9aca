/** The types of the functions that a connection calls, and of the errors of those functions. They import nothing of the engine. */

import type { Buffer } from 'node:buffer';
import type { SocketAddress } from '../../base/address.js';
import { isError, textOf } from '../../base/errors.js';
import type { CloseReason } from '../close-reasons.js';

/** The names of the handlers, as programs give them. */
export const HANDLER_NAMES = ['open', 'data', 'message', 'drain', 'end', 'serverClosing', 'error', 'close'] as const;

/**
 * The functions of a program that can fail: its handlers, and on behalf of a connection its `context` function, its framing,
 * the functions of its heartbeat, and the listeners and callbacks of a stream.
 */
export type HandlerName = (typeof HANDLER_NAMES)[number] | 'context' | 'framing' | 'heartbeat' | 'stream';

/**
 * A handler may return anything; a promise is waited for. With `unknown` the compiler would have to know what a handler
 * returns before it knows the server that `listen` returns, and `const server = await listen({ close: () => server.close() })`
 * would not compile.
 */
// biome-ignore lint/suspicious/noExplicitAny: see above
export type HandlerResult = any;

/**
 * The functions that a connection calls. Each may be missing (undefined or null). They run in the async context
 * (AsyncLocalStorage) of the `listen` or `connect` call that they were given to. A handler that throws, or returns a
 * promise that rejects, ends its connection with the reason `handler_error`; other connections go on.
 */
export interface HandlerTable<Connection, Message = unknown> {
  /** The connection is open. Its data does not wait for a promise that this returns: the handler may read it in a loop. */
  open?(connection: Connection): HandlerResult;
  /**
   * Bytes were received. The handler may use them during the call, and until the promise settles if it returns one: copy
   * what you keep longer. Writing them back copies nothing. The connection's next bytes, and its `end`, wait for the promise.
   */
  data?(connection: Connection, chunk: Buffer): HandlerResult;
  /** With a framing, instead of `data`: a message was received. Its bytes, and a promise, are as with `data`. */
  message?(connection: Connection, message: Message): HandlerResult;
  /** After a `write` that returned false: at most half of the high-water mark waits to be sent. */
  drain?(connection: Connection): HandlerResult;
  /** The peer has ended its stream: no more bytes follow. Our side ends after this handler, and after its promise. */
  end?(connection: Connection): HandlerResult;
  /** The server is closing and wants this connection to end. Without this handler the server ends it as by `end()`. */
  serverClosing?(connection: Connection): HandlerResult;
  /**
   * The connection failed; `close` follows. Without this handler failures are counted, and what handlers throw goes to the
   * engine's `onHandlerError`.
   * @param handler the name of the handler that threw or rejected, if that is what failed
   */
  error?(connection: Connection, error: Error, handler?: HandlerName): HandlerResult;
  /** The connection is closed: the last call for it, made once. */
  close?(connection: Connection, reason: CloseReason): HandlerResult;
}

/** Where a handler failed. */
export interface HandlerErrorInfoOf<Connection> {
  /** The handler that threw or rejected. */
  readonly handler: HandlerName;
  /** Its connection; undefined in the main thread for a handler of another thread, and where there is none yet. */
  readonly connection: Connection | undefined;
  /** The peer's address, unless the system no longer knows it. */
  readonly remoteAddress: SocketAddress | undefined;
  /** The number of its thread, for a server on many threads. */
  readonly thread?: number;
}

/** Called with what a handler threw where its connection has no `error` handler, or that one threw as well. */
export type HandlerErrorSinkOf<Connection> = (error: unknown, info: HandlerErrorInfoOf<Connection>) => void;

/** Turns a thrown value into an error; an error of another realm counts as one. */
export function errorOf(thrown: unknown): Error {
  return isError(thrown)
    ? thrown
    : new Error(`Expected an error, got what is no error: ${textOf(thrown)}`, { cause: thrown });
}
