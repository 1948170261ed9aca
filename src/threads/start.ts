/** Starts a server on many threads: `listen` with `threads`. */

import { ANY_IPV6, type SocketAddress } from '../base/address.js';
import { process } from '../base/runtime.js';
import type { DriverChoice } from '../drivers/driver.js';
import { warnOfHandlerError } from '../engine/connection-core/handler-errors.js';
import { firstToListenAt, namesHost, resolverOf } from '../engine/endpoint.js';
import { DEADLINE_MS } from '../engine/server/graceful-close.js';
import { warnOfListenError } from '../engine/server/listen.js';
import { openListener } from '../engine/server/listener.js';
import { useEngine } from '../engine/shared-engines.js';
import { abortReason, onAbort, throwIfAborted, unlessAborted } from '../engine/signals.js';
import { inCallersContext } from '../port/async-context.js';
import { BACKLOG, type OverlappedSocket } from '../port/socket.js';
import { Acceptor } from './acceptor.js';
import { checkThreadedOptions, moduleUrl, type ThreadedListenOptions } from './options.js';
import { type ThreadedListeners, ThreadedServer } from './server.js';
import type { ThreadStart } from './thread.js';
import type { WorkerPool, WorkerPoolSettings } from './worker-pool.js';

function warnOfDeadThread(error: Error): void {
  process.emitWarning(error, 'OverlappedThreadWarning');
}

/** Starts a server on many threads. */
export async function startThreads(options: ThreadedListenOptions): Promise<ThreadedServer> {
  const plain = checkThreadedOptions(options);
  const module = moduleUrl(options.module);
  throwIfAborted(options.signal);
  const found = Promise.resolve(resolverOf(options, ANY_IPV6)());
  const address = firstToListenAt(await unlessAborted(options.signal, found));
  const settings: WorkerPoolSettings = {
    data: {
      threads: options.threads,
      module,
      options: plain,
      engineOptions: options.engineOptions ?? {},
      threadData: options.threadData,
      driver: (options.driver as DriverChoice | undefined) ?? 'auto',
      acceptedAt: undefined,
      sharesPort: true,
    },
    workerOptions: workerOptionsOf(options),
  };
  const listeners: ThreadedListeners = {
    onHandlerError: inCallersContext(options.onHandlerError ?? warnOfHandlerError),
    onListenError: inCallersContext(options.onListenError ?? warnOfListenError),
    onThreadDied: inCallersContext(options.onThreadDied ?? warnOfDeadThread),
  };
  return options.distribution === 'reuse_port'
    ? listenInThreads(settings, listeners, options, address)
    : listenHere(settings, listeners, options, address);
}

function workerOptionsOf({ env, execArgv, resourceLimits }: ThreadedListenOptions): ThreadStart['workerOptions'] {
  return {
    ...((env ?? undefined) === undefined ? {} : { env }),
    ...((execArgv ?? undefined) === undefined ? {} : { execArgv: [...(execArgv as readonly string[])] }),
    ...((resourceLimits ?? undefined) === undefined ? {} : { resourceLimits }),
  };
}

/**
 * Starts a server that closes when the signal aborts.
 * @throws the reason of a signal that aborts during the start, once its threads have ended
 */
async function start(
  server: ThreadedServer,
  { signal }: ThreadedListenOptions,
  acceptorFor?: (pool: WorkerPool) => Acceptor,
): Promise<ThreadedServer> {
  let deadlineMs = 0;
  const ignoreSignal = onAbort(signal, () => void server.close({ deadlineMs }));
  try {
    await server.start(acceptorFor);
    throwIfAborted(signal);
  } catch (error) {
    ignoreSignal();
    await server.close({ deadlineMs: 0 });
    throw signal?.aborted === true ? abortReason(signal) : error;
  }
  deadlineMs = DEADLINE_MS;
  server.onceClosed(ignoreSignal);
  return server;
}

/** Settings for a single thread, which listens, with a warning. */
function onOneThread(
  { data, workerOptions }: WorkerPoolSettings,
  options: ThreadedListenOptions,
  driver: string,
): WorkerPoolSettings {
  if (data.threads > 1) {
    const reason = `Sockets of the driver ${driver} belong to one thread, and threads cannot share this address here`;
    process.emitWarning(`${reason}: one thread serves instead of ${data.threads}`, 'OverlappedThreadWarning');
  }
  const plain = checkThreadedOptions({ ...options, threads: 1 });
  return { data: { ...data, threads: 1, options: plain, sharesPort: false }, workerOptions };
}

/** Each thread listens. */
async function listenInThreads(
  { data, workerOptions }: WorkerPoolSettings,
  listeners: ThreadedListeners,
  options: ThreadedListenOptions,
  address: SocketAddress,
): Promise<ThreadedServer> {
  // Without a host, the first thread finds out whether the system has IPv6.
  const host = !namesHost(options) || address.family === 'unix' ? {} : { host: address.address };
  const port = address.family === 'unix' ? 0 : address.port;
  const server = new ThreadedServer(
    { data: { ...data, options: { ...data.options, ...host, port } }, workerOptions },
    listeners,
  );
  return start(server, options);
}

/**
 * This thread listens and accepts, if its driver can pass connections on; otherwise each thread listens. Each thread chooses
 * its own driver: a ring may be available to this thread and not to the fifteenth (RLIMIT_MEMLOCK), and connections can move
 * between threads with different drivers.
 */
async function listenHere(
  { data, workerOptions }: WorkerPoolSettings,
  listeners: ThreadedListeners,
  options: ThreadedListenOptions,
  address: SocketAddress,
): Promise<ThreadedServer> {
  const backlog = options.backlog ?? BACKLOG;
  const use = useEngine(data, 'listen');
  const { engine } = use;
  if (!engine.port.canDetach) {
    const { sharesPorts, driver } = engine.port;
    use.release();
    const shares = sharesPorts && address.family !== 'unix';
    return listenInThreads(
      shares ? { data, workerOptions } : onOneThread({ data, workerOptions }, options, driver),
      listeners,
      options,
      address,
    );
  }
  let listener: OverlappedSocket | undefined;
  try {
    const opened = openListener(engine, address, options, backlog);
    listener = opened;
    const server = new ThreadedServer(
      { data: { ...data, acceptedAt: opened.localAddress() }, workerOptions },
      listeners,
    );
    return await start(
      server,
      options,
      (pool) => new Acceptor(use, opened, pool, (error) => server.listenFailed(error)),
    );
  } catch (error) {
    if (listener !== undefined) {
      engine.port.closeSocket(listener);
    }
    use.release();
    throw error;
  }
}
