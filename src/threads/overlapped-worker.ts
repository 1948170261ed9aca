/** The program of each thread: an engine, and a server with the handlers of the program's module. */

import { parentPort, threadId, workerData } from 'node:worker_threads';
import { invalidValue } from '../base/argument-errors.js';
import { assert } from '../base/assert.js';
import { process, setImmediate } from '../base/runtime.js';
import { Engine } from '../engine/engine.js';
import type { HandlerErrorSink } from '../engine/handlers.js';
import { openServer } from '../engine/server/listen.js';
import type { ServerCore, SocketCount } from '../engine/server/server-core.js';
import { serverStatistics } from '../engine/statistics.js';
import { packError } from './errors.js';
import { checkModuleOptions, type ThreadModule, type ThreadOptions } from './options.js';
import type { FromThread, ThreadData, ToThread } from './protocol.js';
import { Backlog, Outbox, publishedBytesMax } from './publications.js';
import { ServerInThread } from './server-in-thread.js';

const data = workerData as ThreadData;
const main = parentPort;
assert(main !== null);
const backlogIn = new Backlog(data.backlogs.in);

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

async function openThread(engine: Engine, inThread: ServerInThread): Promise<ServerCore> {
  const handlers = await loadHandlers(inThread);
  const options = checkModuleOptions(handlers);
  const { acceptedAt } = data;
  const server = await openServer(
    {
      ...options,
      ...data.options,
      limits: { ...options.limits, ...data.options.limits },
      timeouts: { ...options.timeouts, ...data.options.timeouts },
      engine,
      reusePort: acceptedAt === undefined,
      onListenError: (error) => post({ kind: 'listenError', error: packError(error) }),
    },
    { handlers, socketCount: socketCount(), ...(acceptedAt === undefined ? {} : { acceptedAt }) },
  );
  inThread.serve(server);
  return server;
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
      backlogIn.take(message.publications);
      inThread.published(message.publications);
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
    case 'close':
      void server.closing.close(message.deadlineMs).then(() => {
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
    post({ kind: 'loaded' });
    const outbox = new Outbox(new Backlog(data.backlogs.out), publishedBytesMax(data.engineOptions), post);
    const inThread = new ServerInThread(engine.core, outbox);
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
