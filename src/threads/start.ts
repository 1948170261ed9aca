/** Starting a server on many threads. */

import type { SocketAddress } from '../base/address.js';
import { process } from '../base/runtime.js';
import type { DriverChoice } from '../drivers/driver.js';
import { warnOfHandlerError } from '../engine/connection-core/handler-errors.js';
import { firstToListenAt, namesHost, resolverOf } from '../engine/endpoint.js';
import { openListener, warnOfListenError } from '../engine/server/listen.js';
import { useEngine } from '../engine/shared-engines.js';
import { inCallersContext } from '../port/async-context.js';
import { BACKLOG, type OverlappedSocket } from '../port/socket.js';
import { Acceptor } from './acceptor.js';
import { checkThreadedOptions, moduleUrl, type ThreadedListenOptions } from './options.js';
import { type ThreadedListeners, ThreadedServer } from './server.js';
import type { WorkerPoolSettings } from './worker-pool.js';

/** Where servers listen unless told: all addresses, of IPv4 too. */
const ANY_IPV6 = '::';

function warnOfDeadThread(error: Error): void {
  process.emitWarning(error, 'OverlappedThreadWarning');
}

/** What `listen` does with `threads`. */
export async function startThreads(options: ThreadedListenOptions): Promise<ThreadedServer> {
  const plain = checkThreadedOptions(options);
  const module = moduleUrl(options.module);
  const address = firstToListenAt(await resolverOf(options, ANY_IPV6)());
  const settings: WorkerPoolSettings = {
    data: {
      threads: options.threads,
      module,
      options: plain,
      engineOptions: options.engineOptions ?? {},
      driver: (options.driver as DriverChoice | undefined) ?? 'auto',
      acceptedAt: undefined,
    },
    resourceLimits: options.resourceLimits ?? undefined,
  };
  const listeners: ThreadedListeners = {
    onHandlerError: inCallersContext(options.onHandlerError ?? warnOfHandlerError),
    onListenError: inCallersContext(options.onListenError ?? warnOfListenError),
    onThreadDied: inCallersContext(options.onThreadDied ?? warnOfDeadThread),
  };
  return options.distribution === 'reuse_port'
    ? share(settings, listeners, options, address)
    : handOver(settings, listeners, options, address);
}

/** Each thread listens. */
async function share(
  { data, resourceLimits }: WorkerPoolSettings,
  listeners: ThreadedListeners,
  options: ThreadedListenOptions,
  address: SocketAddress,
): Promise<ThreadedServer> {
  // Without a host the first thread finds out whether there is IPv6.
  const host = !namesHost(options) || address.family === 'unix' ? {} : { host: address.address };
  const port = address.family === 'unix' ? 0 : address.port;
  const server = new ThreadedServer(
    { data: { ...data, options: { ...data.options, ...host, port } }, resourceLimits },
    listeners,
  );
  await server.start(undefined);
  return server;
}

/**
 * This thread listens and accepts. Each thread chooses its driver by itself: a ring may be open to this one, and not to the
 * fifteenth (RLIMIT_MEMLOCK), and a connection can go from a thread with one driver to a thread with another.
 */
async function handOver(
  { data, resourceLimits }: WorkerPoolSettings,
  listeners: ThreadedListeners,
  options: ThreadedListenOptions,
  address: SocketAddress,
): Promise<ThreadedServer> {
  const backlog = options.backlog ?? BACKLOG;
  const use = useEngine(data, 'listen');
  const { engine } = use;
  let listener: OverlappedSocket | undefined;
  try {
    const opened = openListener(engine, address, options, backlog);
    listener = opened;
    const server = new ThreadedServer(
      { data: { ...data, acceptedAt: opened.localAddress() }, resourceLimits },
      listeners,
    );
    await server.start((pool) => new Acceptor(use, opened, pool, (error) => server.listenFailed(error)));
    return server;
  } catch (error) {
    if (listener !== undefined) {
      engine.port.closeSocket(listener);
    }
    use.release();
    throw error;
  }
}
