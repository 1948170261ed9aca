/** `listen` with threads: serving from all of them, adding up, ending, and outliving the death of one. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { DriverChoice, HandlerErrorInfo, ThreadedListenOptions, ThreadedServer } from 'overlapped';
import * as singleFiles from 'overlapped';
import { useEngine } from '../../src/engine/shared-engines.js';
import { listen } from '../support/bundle.js';
import { programPath, runProgram } from '../support/child.js';
import { eventually, sha256, someBytes } from '../support/harness.js';
import { connectNode, type NodeClient } from '../support/node-client.js';
import { system } from '../support/system.js';

const TIMEOUT = { timeout: 60_000 };
const HANDLERS = programPath('echo-handlers');
const BROKEN = pathToFileURL(programPath('broken-handlers')).href;

type Options = Partial<ThreadedListenOptions>;

/** A server whose threads echo, by default on two threads and a free port; closed in the end. */
async function withServer(options: Options, body: (server: ThreadedServer) => Promise<void>): Promise<void> {
  const place = options.path === undefined ? { host: '127.0.0.1', port: 0 } : {};
  await using server = await listen({ threads: 2, module: HANDLERS, ...place, ...options });
  try {
    await body(server);
  } finally {
    await server.close({ deadlineMs: 0 });
  }
  assert.equal(server.isClosed, true);
  assert.equal(server.connectionsCount, 0);
}

function whereOf({ address }: ThreadedServer): number | string {
  return address.family === 'unix' ? address.path : address.port;
}

/** A client that knows its thread. */
interface Served {
  readonly client: NodeClient;
  readonly thread: number;
}

async function serve(server: ThreadedServer): Promise<Served> {
  const client = await connectNode(whereOf(server));
  await eventually(() => client.bytes > 0, 'the thread says its number');
  return { client, thread: Number(client.data.toString()) };
}

async function serveMany(server: ThreadedServer, count: number): Promise<Served[]> {
  const served: Served[] = [];
  while (served.length < count) {
    const some = Math.min(50, count - served.length);
    served.push(...(await Promise.all(Array.from({ length: some }, () => serve(server)))));
  }
  return served;
}

/** A client of a thread. */
async function serveBy(server: ThreadedServer, thread: number): Promise<NodeClient> {
  for (;;) {
    const served = await serve(server);
    if (served.thread === thread) {
      return served.client;
    }
  }
}

async function echoes({ client }: Served): Promise<void> {
  const data = someBytes(200_000);
  const start = client.bytes;
  client.socket.write(data);
  await eventually(() => client.bytes === start + data.byteLength, 'the echo');
  assert.equal(sha256(client.data.subarray(start)), sha256(data));
}

function end(served: readonly Served[]): void {
  served.forEach(({ client }) => client.socket.destroy());
}

function suite(driver: DriverChoice): void {
  test('connections are spread evenly, echoed and counted', TIMEOUT, async () => {
    await withServer({ driver, threads: 3 }, async (server) => {
      assert.deepEqual([server.driver, server.distribution, server.threads], [driver, 'dispatch', 3]);
      const served = await serveMany(server, 30);
      assert.deepEqual(server.connectionsByThread, [10, 10, 10]);
      await Promise.all(served.map(echoes));
      const statistics = await server.statistics();
      assert.equal(statistics.connections.open, 30);
      assert.equal(statistics.bytesRead, 30 * 200_000);
      assert.deepEqual(
        statistics.threads.map(({ connections, statistics }) => [connections, statistics?.connections.open]),
        [10, 10, 10].map((count) => [count, count]),
      );
      assert.deepEqual([statistics.threadsReplaced, statistics.engine.driver], [0, driver]);
      // The connections of one thread end: the next ones take their places.
      end(served.filter(({ thread }) => thread === 1));
      await eventually(() => server.connectionsByThread[1] === 0, 'its connections are closed');
      served.push(...(await serveMany(server, 10)));
      assert.deepEqual(server.connectionsByThread, [10, 10, 10]);
      end(served);
      await eventually(() => server.connectionsCount === 0, 'all are closed');
    });
  });

  test('each thread listens by itself', TIMEOUT, async () => {
    await withServer({ driver, distribution: 'reuse_port' }, async (server) => {
      const served = await serveMany(server, 40);
      assert.deepEqual(new Set(served.map(({ thread }) => thread)), new Set([0, 1]));
      await Promise.all(served.slice(0, 10).map(echoes));
      assert.equal(server.connectionsCount, 40);
      assert.equal((await server.statistics()).connections.opened, 40);
      end(served);
      await eventually(() => server.connectionsCount === 0, 'all are closed');
    });
  });

  test('a dead thread is reported and replaced; its connections are reset, and no others', TIMEOUT, async () => {
    const deaths: string[] = [];
    const onThreadDied = (error: Error): void => {
      deaths.push((error as NodeJS.ErrnoException).code ?? error.message);
    };
    await withServer({ driver, onThreadDied }, async (server) => {
      for (const [index, how] of ['throw', 'exit', 'terminate'].entries()) {
        const served = await serveMany(server, 10);
        const [lost, kept] = [1, 0].map((thread) => served.filter((each) => each.thread === thread)) as [
          Served[],
          Served[],
        ];
        if (how === 'terminate') {
          server.pool.terminate(1);
        } else {
          (lost[0] as Served).client.socket.write(how);
        }
        await eventually(() => lost.every(({ client }) => client.closed), 'its connections are over');
        assert.deepEqual(new Set(lost.map(({ client }) => client.code)), new Set(['ECONNRESET']));
        await eventually(() => server.threadsReplaced === index + 1, 'it is replaced');
        await Promise.all(kept.map(echoes));
        end(kept);
        await eventually(() => server.connectionsCount === 0, 'all are closed');
      }
    });
    assert.deepEqual(deaths, ['Thrown on demand', 'ERR_THREAD_EXITED', 'ERR_THREAD_EXITED']);
  });
}

describe('Threads on io_uring', () => suite('io_uring'));
describe('Threads on epoll', () => suite('epoll'));

describe('Threads on any driver', () => {
  test('no thread has more than 1.1 times its share of 1,000 long-lived connections', TIMEOUT, async () => {
    await withServer({ threads: 4 }, async (server) => {
      const served = await serveMany(server, 1000);
      // Half of them go, most from two threads, and others come.
      const gone = served.filter(({ thread }, index) => thread < 2 || index % 10 === 0).slice(0, 500);
      end(gone);
      await eventually(() => server.connectionsCount === 500, 'they are closed');
      const fresh = await serveMany(server, 500);
      assert.ok(Math.max(...server.connectionsByThread) <= 1.1 * 250, `${server.connectionsByThread}`);
      end([...served, ...fresh]);
    });
  });

  test('select works on threads too', TIMEOUT, async () => {
    await withServer({ driver: 'select' }, async (server) => {
      const served = await serveMany(server, 6);
      assert.deepEqual(server.connectionsByThread, [3, 3]);
      await Promise.all(served.map(echoes));
      end(served);
    });
  });

  test('the main thread listens at a Unix path', TIMEOUT, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'overlapped-'));
    const path = join(folder, 'socket');
    await withServer({ path }, async (server) => {
      const served = await serveMany(server, 4);
      assert.deepEqual(server.connectionsByThread, [2, 2]);
      await Promise.all(served.map(echoes));
      await assert.rejects(listen({ path, threads: 2, module: HANDLERS, distribution: 'reuse_port' }), {
        code: 'ERR_INVALID_ARG_VALUE',
      });
      end(served);
    });
    rmSync(folder, { recursive: true });
  });

  test('a throwing handler closes its connection, and the main thread gets the error', TIMEOUT, async () => {
    const told: unknown[] = [];
    const peers: string[] = [];
    const onHandlerError = (error: unknown, { remoteAddress }: HandlerErrorInfo): void => {
      told.push(error);
      peers.push(`${remoteAddress}`);
    };
    await withServer({ onHandlerError }, async (server) => {
      const [one, other] = (await serveMany(server, 2)) as [Served, Served];
      one.client.socket.write('fail');
      await eventually(() => one.client.ended || one.client.closed, 'its connection is closed');
      await eventually(() => told.length > 0, 'it is told');
      assert.deepEqual(
        (told as NodeJS.ErrnoException[]).map(({ message, code }) => [message, code]),
        [['Failed on demand', 'ERR_ON_DEMAND']],
      );
      assert.deepEqual([`${server.address}`, peers.length], [`127.0.0.1:${server.port}`, 1]);
      assert.match(peers[0] as string, /^127\.0\.0\.1:\d+$/);
      await echoes(other);
      assert.equal((await server.statistics()).handlerErrors, 1);
      end([one, other]);
    });
  });

  test('async handlers on threads keep their chunk, and run one call at a time', TIMEOUT, async () => {
    await withServer({ module: programPath('async-handlers') }, async (server) => {
      const clients = await Promise.all(Array.from({ length: 6 }, () => connectNode(whereOf(server))));
      const sent = someBytes(200_000);
      clients.forEach(({ socket }) => socket.write(sent));
      await eventually(() => clients.every(({ bytes }) => bytes === sent.length), 'the echoes');
      assert(clients.every(({ data }) => sha256(data) === sha256(sent)));
      assert.equal((await server.statistics()).handlerErrors, 0);
      clients.forEach(({ socket }) => socket.destroy());
    });
  });

  test('a thread that runs out of memory dies alone', TIMEOUT, async () => {
    const deaths: Error[] = [];
    const resourceLimits = { maxOldGenerationSizeMb: 40 };
    await withServer({ resourceLimits, onThreadDied: (error) => deaths.push(error) }, async (server) => {
      const served = await serveMany(server, 4);
      const victim = served.find(({ thread }) => thread === 1) as Served;
      victim.client.socket.write('hoard');
      await eventually(() => server.threadsReplaced === 1, 'it is replaced');
      assert.deepEqual(
        deaths.map((error) => (error as NodeJS.ErrnoException).code),
        ['ERR_WORKER_OUT_OF_MEMORY'],
      );
      await eventually(() => victim.client.closed, 'its connection is over');
      await Promise.all(served.filter(({ thread }) => thread === 0).map(echoes));
      end(served);
    });
  });

  test('closing waits until the deadline, and not much longer for a blocked thread', TIMEOUT, async () => {
    await withServer({}, async (server) => {
      const kind = await serveBy(server, 0);
      const deaf = await serveBy(server, 0);
      const hanging = await serveBy(server, 1);
      hanging.socket.write('hang');
      const start = performance.now();
      const closed = server.close({ deadlineMs: 500 });
      assert.equal(server.listening, false);
      await eventually(() => kind.ended, 'an end is sent');
      kind.socket.end();
      await closed;
      const tookMs = performance.now() - start;
      assert.ok(tookMs > 2000 && tookMs < 20_000, `${tookMs} ms`);
      // It has our end and reads no more: its write reveals the reset.
      deaf.socket.write('late');
      await eventually(() => deaf.closed && hanging.closed, 'all are over');
      assert.equal(hanging.code, 'ECONNRESET');
      // One could report its end, the other could not.
      const { threads } = await server.statistics();
      assert.deepEqual(
        threads.map(({ statistics }) => statistics?.connections.opened),
        [2, undefined],
      );
    });
  });

  test('`listen` rejects if threads cannot start, and leaves nothing behind', TIMEOUT, async () => {
    const start = (options: Options): Promise<ThreadedServer> =>
      listen({ host: '127.0.0.1', port: 0, threads: 3, module: HANDLERS, ...options });
    const taken = await start({ threads: 1 });
    const port = whereOf(taken) as number;
    const before = system.descriptorsOpen();
    const cases: [Options, string][] = [
      [{ module: '/nowhere/at-all.js' }, 'ERR_MODULE_NOT_FOUND'],
      [{ module: `${BROKEN}?load` }, 'ERR_ON_DEMAND'],
      [{ module: new URL(`${BROKEN}?call`) }, 'ERR_IN_CALL'],
      [{ module: `${BROKEN}?last`, distribution: 'reuse_port' }, 'ERR_IN_CALL'],
      [{ module: `${BROKEN}?word` }, 'ERR_INVALID_ARG_VALUE'],
      [{ module: `${BROKEN}?exit` }, 'ERR_THREAD_EXITED'],
      [{ port }, 'EADDRINUSE'],
      [{ port, distribution: 'reuse_port' }, 'EADDRINUSE'],
      [{ driver: 'none' as never }, 'ERR_INVALID_ARG_VALUE'],
      [{ timeouts: { idleMs: -1 } }, 'ERR_OUT_OF_RANGE'],
    ];
    for (const [options, code] of cases) {
      await assert.rejects(start(options), { code }, JSON.stringify(options));
    }
    await eventually(() => system.descriptorsOpen() <= before, 'nothing is left open');
    await taken.close();
  });

  test('threads whose main thread cannot accept are ended, and `listen` rejects', TIMEOUT, async () => {
    const before = system.descriptorsOpen();
    const options = { host: '127.0.0.1', port: 0, driver: 'epoll', threads: 2, module: HANDLERS } as const;
    const listening = singleFiles.listen(options);
    const use = useEngine({ driver: 'epoll' }, 'listen');
    await eventually(() => use.engine.port.statistics().sockets === 1, 'the main thread listens');
    use.engine.close();
    use.release();
    await assert.rejects(listening, { code: 'EBADF' });
    await eventually(() => system.descriptorsOpen() <= before, 'the threads have ended');
  });

  test('a module gets the data, environment and Node options of `listen`', TIMEOUT, async () => {
    const given = { threadData: { greeting: 'hello' }, env: { GREETING: 'hi' }, execArgv: ['--no-warnings'] };
    await withServer({ module: programPath('data-handlers'), ...given }, async (server) => {
      const client = await connectNode(whereOf(server));
      await eventually(() => client.data.includes('\n'), 'what the thread has got');
      assert.deepEqual(JSON.parse(client.data.toString()), [given.threadData, 'hi', given.execArgv]);
      client.socket.destroy();
    });
  });

  test('the signal of `listen` ends the start, and later closes all threads', TIMEOUT, async () => {
    const before = system.descriptorsOpen();
    const start = (signal: AbortSignal): Promise<ThreadedServer> =>
      listen({ host: '127.0.0.1', port: 0, threads: 2, module: HANDLERS, signal });
    const early = new AbortController();
    const starting = start(early.signal);
    early.abort(new Error('Not needed'));
    await assert.rejects(starting, { message: 'Not needed' });
    await eventually(() => system.descriptorsOpen() <= before, 'nothing is left open');
    const late = new AbortController();
    const server = await start(late.signal);
    assert.equal(server.port, whereOf(server));
    late.abort();
    assert.equal(server.listening, false);
    await eventually(() => server.isClosed, 'the threads have ended');
  });

  test('an unreferenced server lets the process end', TIMEOUT, async () => {
    const result = await runProgram('unreferenced-threads', ['epoll']);
    assert.deepEqual([result.exitCode, result.stdout, result.stderr], [0, 'unreferenced\n', '']);
  });
});
