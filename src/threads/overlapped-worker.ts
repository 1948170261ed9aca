/** The program of each thread: an engine, and a server with the handlers of the program's module. */

import { parentPort, threadId, workerData } from 'node:worker_threads';
import { invalidValue } from '../base/argument-errors.js';
import { assert } from '../base/assert.js';
import { OperationError } from '../base/errors.js';
import { process, setImmediate } from '../base/runtime.js';
import { Engine } from '../engine/engine.js';
import type { HandlerErrorSink } from '../engine/handlers.js';
import { openServer } from '../engine/server/listen.js';
import type { ServerCore, SocketCount } from '../engine/server/server-core.js';
import { serverStatistics } from '../engine/statistics.js';
import { provideSockets } from '../engine/streams/duplex.js';
import { adopt } from '../net/socket/adopt.js';
import { packError } from './errors.js';
import { checkModuleOptions, type ThreadModule, type ThreadOptions } from './options.js';
import { Backlog, Outbox, publishedBytesMax } from './outbox.js';
import type { FromThread, ThreadData, ToThread } from './protocol.js';
import { ServerInThread } from './server-in-thread.js';

const data = workerData as ThreadData;
const main = parentPort;
assert(main !== null);
const backlogIn = new Backlog(data.backlogs.in);
provideSockets(adopt);

function post(message: FromThread): void {
  main?.postMessage(message);
}

/** The default export of the program's module, called if it is a function. */
async function loadHandlers(server: ServerInThread): Promise<ThreadOptions> {
  const exported = ((await import(data.module)) as { default?: ThreadModule }).default;
  const { thread, threads } = data;
  const handlers =
    typeof exported === 'function' ? await exported({ thread, threads, data: data.threadData, server }) : exported;
  if (typeof handlers !== 'object' || handlers === null) {
    throw invalidValue(
      'module',
      `the default export of ${data.module} to be an object of handlers, or a function that returns one`,
      handlers,
    );
  }
  return handlers;
}

/** Counts this thread's connections in memory that the main thread reads. */
function socketCount(): SocketCount {
  const counts = new Int32Array(data.counts);
  return {
    accepted: () => {
      Atomics.add(counts, data.thread, 1);
    },
    gone: () => {
      Atomics.sub(counts, data.thread, 1);
    },
  };
}

/** Options of TLS in both places are one object: functions are in the module. */
function tlsOf({ tls: own }: ThreadOptions, { tls: posted }: ThreadOptions): Pick<ThreadOptions, 'tls'> {
  return own === undefined && posted === undefined ? {} : { tls: { ...own, ...posted } };
}

async function openThread(engine: Engine, inThread: ServerInThread): Promise<ServerCore> {
  const handlers = await loadHandlers(inThread);
  const options = checkModuleOptions(handlers);
  const { acceptedAt } = data;
  const server = await openServer(
    {
      ...options,
      ...data.options,
      ...tlsOf(options, data.options),
      limits: { ...options.limits, ...data.options.limits },
      timeouts: { ...options.timeouts, ...data.options.timeouts },
      engine,
      reusePort: acceptedAt === undefined && data.sharesPort,
      onListenError: (error) => post({ kind: 'listenError', error: packError(error) }),
    },
    {
      handlers,
      socketCount: socketCount(),
      contexts: data.contexts,
      ...(acceptedAt === undefined ? {} : { acceptedAt }),
    },
  );
  inThread.serve(server);
  return server;
}

/** For the main thread, which passes it on to the other threads. */
function outboxToMain(): Outbox {
  return new Outbox(new Backlog(data.backlogs.out), publishedBytesMax(data.engineOptions), post);
}

/** Handles a message of the main thread. */
function handleMessage(engine: Engine, server: ServerCore, inThread: ServerInThread, message: ToThread): void {
  switch (message.kind) {
    case 'take':
      for (const handle of message.handles) {
        server.accepts.add(engine.core.port.adopt(handle, server.address.family));
      }
      return;
    case 'publish':
      backlogIn.take(message.batches);
      inThread.published(message.batches);
      return;
    case 'missed':
      inThread.missed();
      return;
    case 'statistics':
      post({
        kind: 'statistics',
        request: message.request,
        statistics: serverStatistics(engine.core, server.counters),
      });
      return;
    case 'secureContext':
      server.secure?.give(message);
      return;
    case 'close':
      void server.closing.close(message.deadlineMs).then(() => {
        inThread.flush();
        post({ kind: 'closed', statistics: serverStatistics(engine.core, server.counters) });
        engine.close();
        process.exit(0);
      });
  }
}

/** The thread's port has failed. Its connections get their handler `close` in this turn; then another thread replaces this one. */
function endFailed(error: Error): void {
  setImmediate(() => {
    post({ kind: 'failed', error: packError(error) });
    process.exit(1);
  });
}

async function start(): Promise<void> {
  try {
    const onHandlerError: HandlerErrorSink = (error, { handler, remoteAddress }) =>
      post({ kind: 'handlerError', error: packError(error), info: { handler, remoteAddress } });
    const engine = new Engine({ ...data.engineOptions, driver: data.driver, onHandlerError });
    engine.core.onFailed = endFailed;
    if (data.acceptedAt !== undefined && !engine.core.port.canDetach) {
      const reason = `A thread whose driver is ${engine.driver} cannot take connections of another thread`;
      throw new OperationError({ code: 'ENOTSUP', reason, syscall: 'listen' });
    }
    post({ kind: 'loaded' });
    const inThread = new ServerInThread(engine.core, data.threads > 1 ? outboxToMain() : undefined);
    // However the thread ends, what it has published is sent: Node delivers messages that are posted here.
    process.once('exit', () => inThread.flush());
    const server = await openThread(engine, inThread);
    main?.on('message', (message: ToThread) => handleMessage(engine, server, inThread, message));
    const { driver, skippedDrivers } = engine;
    post({
      kind: 'ready',
      address: server.address,
      driver,
      skippedDrivers,
      statistics: serverStatistics(engine.core, server.counters),
    });
  } catch (error) {
    post({ kind: 'failed', error: packError(error) });
    process.exit(1);
  }
}

assert(threadId > 0);
await start();
