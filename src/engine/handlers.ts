/** Handlers, shared by all connections of a server: what a program may give, and how it is checked. */

import type { Buffer } from 'node:buffer';
import { isError, OperationError, textOf } from '../base/errors.js';
import type { CloseReason } from './close-reasons.js';
import type { Connection } from './connection.js';

/**
 * The functions that a connection calls. Each may be missing (undefined or null). They run in the async context
 * (AsyncLocalStorage) of the `listen` or `connect` call that they were given to. One that throws, or returns a promise that
 * rejects, ends its connection with the reason `handler_error`; no other connection notices.
 */
export interface Handlers<Context = unknown, Message = unknown> {
  /** The connection is there. Its data does not wait for a promise that this returns: it may read it in a loop. */
  open?(connection: Connection<Context>): unknown;
  /**
   * Bytes have come. They are the caller's during the call, and until the promise settles if it returns one: copy what is
   * to be kept. Writing them on copies nothing. The next bytes of the connection, and its `end`, wait for the promise.
   */
  data?(connection: Connection<Context>, chunk: Buffer): unknown;
  /** With a framing, instead of `data`: a message has come. Its bytes, and a promise, are as with `data`. */
  message?(connection: Connection<Context>, message: Message): unknown;
  /** After a `write` that returned false: at most half of the high-water mark waits to be sent. */
  drain?(connection: Connection<Context>): unknown;
  /** The peer has ended its stream; nothing more will come. Our side is ended after it, and after its promise. */
  end?(connection: Connection<Context>): unknown;
  /** The server is closing and wants this connection to end. Without this handler it is ended as by `end()`. */
  serverClosing?(connection: Connection<Context>): unknown;
  /**
   * Something failed; `close` follows. Without it failures are counted, and what handlers throw goes to the engine's
   * `onHandlerError`.
   * @param handler the name of the handler that threw or rejected, if that is what failed
   */
  error?(connection: Connection<Context>, error: Error, handler?: HandlerName): unknown;
  /** The connection is over: the last call for it, once. */
  close?(connection: Connection<Context>, reason: CloseReason): unknown;
  /** @internal All that was written is sent: for a stream that waits for it. */
  flushed?(connection: Connection<Context>): unknown;
  /** @internal Our end is out: for a stream. */
  finished?(connection: Connection<Context>): unknown;
}

const NAMES = ['open', 'data', 'message', 'drain', 'end', 'serverClosing', 'error', 'close'] as const;

/**
 * The functions of a program that can fail: its handlers, and on behalf of a connection its framing, the functions of its
 * heartbeat, and the listeners and callbacks of a stream.
 */
export type HandlerName = (typeof NAMES)[number] | 'framing' | 'heartbeat' | 'stream';

/**
 * The handlers of options, checked. Missing ones may be null.
 * @throws OperationError `ERR_INVALID_ARG_TYPE` for a handler that is no function, `ERR_INVALID_ARG_VALUE` for `message`
 * where there are no messages
 */
export function checkHandlers(options: object): Handlers {
  const given = options as Readonly<Record<string, unknown>>;
  let nulls = false;
  for (const name of NAMES) {
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
  const present = NAMES.filter((name) => typeof given[name] === 'function');
  return Object.fromEntries(present.map((name) => [name, (given[name] as () => unknown).bind(given)]));
}

/** What was thrown, as an error; of another realm, too. */
export function errorOf(thrown: unknown): Error {
  return isError(thrown)
    ? thrown
    : new Error(`Expected an error, got what is no error: ${textOf(thrown)}`, { cause: thrown });
}
