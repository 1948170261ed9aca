/** `listen`, on this thread or on many. */

import type { Buffer } from 'node:buffer';
import { type ListenOptions, listen as listenHere } from '../engine/server/listen.js';
import type { Server } from '../engine/server/server.js';
import type { ThreadedListenOptions } from './options.js';
import type { ThreadedServer } from './server.js';

/**
 * Starts a server. All of its connections share its handlers.
 *
 * With `threads` it runs on that many threads, each with an engine of its own, and the handlers are the default export of
 * a module that each thread loads. The threads share only plain values.
 * @throws OperationError `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES`, `ERR_OUT_OF_RANGE`, `ERR_SOCKET_BAD_PORT`, what looking
 * the host up fails with; with threads also `ERR_INVALID_ARG_VALUE`, `ENOTSUP`, and what loading the module throws
 * @example
 * const server = await listen({ port: 4567, data: (connection, chunk) => connection.write(chunk) });
 * @example
 * const server = await listen({ port: 4567, threads: 4, module: new URL('./handlers.js', import.meta.url) });
 */
export function listen<Context = unknown, Message = Buffer>(
  options: ListenOptions<Context, Message> & { readonly threads?: undefined },
): Promise<Server<Context>>;
export function listen(options: ThreadedListenOptions): Promise<ThreadedServer>;
export function listen(options: ListenOptions | ThreadedListenOptions): Promise<Server | ThreadedServer> {
  return ((options as Partial<ThreadedListenOptions> | null | undefined)?.threads ?? undefined) !== undefined
    ? listenOnThreads(options as ThreadedListenOptions)
    : listenHere(options as ListenOptions);
}

/** Loads what only servers on many threads need. */
async function listenOnThreads(options: ThreadedListenOptions): Promise<ThreadedServer> {
  return (await import('./start.js')).startThreads(options);
}
