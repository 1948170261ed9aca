/** `listen`, on this thread or on many. */

import type { Buffer } from 'node:buffer';
import { type ListenOptions, listen as listenHere } from '../engine/server/listen.js';
import type { Server } from '../engine/server/server.js';
import type { ThreadedListenOptions } from './options.js';
import type { ThreadedServer } from './server.js';

/** Options of `listen` without a framing and a context: nothing in them has a type that must be inferred. */
export interface PlainListenOptions extends ListenOptions {
  /** Absent. */
  readonly context?: never;
  /** Absent. */
  readonly framing?: never;
  /** Absent. */
  readonly heartbeat?: never;
  /** Absent. */
  readonly threads?: never;
}

/**
 * Starts a server. All of its connections share its handlers. All errors are rejections of the promise.
 *
 * With `threads` it runs on that many threads, each with an engine of its own, and the handlers are the default export
 * of a module that each thread loads. The threads share only plain values.
 * @throws OperationError `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES`; `EBADF` when its engine is closed, `ECANCELED` when that is
 * closed meanwhile; what looking the host up fails with; with threads also `ENOTSUP`, and what loading the module throws. For
 * wrong options TypeError `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, RangeError `ERR_OUT_OF_RANGE`, `ERR_SOCKET_BAD_PORT`
 * @example
 * const server = await listen({ port: 4567, data: (connection, chunk) => connection.write(chunk) });
 * @example
 * const server = await listen({ port: 4567, threads: 4, module: new URL('./handlers.js', import.meta.url) });
 */
export function listen(options: PlainListenOptions): Promise<Server>;
export function listen(options: ThreadedListenOptions): Promise<ThreadedServer>;
export function listen<Context = unknown, Message = Buffer, Sent = unknown>(
  options: ListenOptions<Context, Message, Sent> & { readonly threads?: undefined },
): Promise<Server<Context, Sent>>;
export async function listen(
  options: ListenOptions | PlainListenOptions | ThreadedListenOptions,
): Promise<Server | ThreadedServer> {
  return ((options as Partial<ThreadedListenOptions> | null | undefined)?.threads ?? undefined) !== undefined
    ? listenOnThreads(options as ThreadedListenOptions)
    : listenHere(options as ListenOptions);
}

/** Loads what only servers on many threads need. */
async function listenOnThreads(options: ThreadedListenOptions): Promise<ThreadedServer> {
  return (await import('./start.js')).startThreads(options);
}
