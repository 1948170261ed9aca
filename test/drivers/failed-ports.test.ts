/** System calls that always fail: a port reports the error once, and its operations and connections end with it. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as nextIteration } from 'node:timers/promises';
import { type Connection, connect, Engine, listen } from 'overlapped';
import { CompletionBatch } from 'overlapped/port';
import { libc } from '../../src/ffi/linux/libc.js';
import { programPath } from '../support/child.js';
import { descriptors, portOf, TIMEOUT } from '../support/failing-servers.js';
import { withFaults } from '../support/faults.js';
import { connectPair, eventually, withPort } from '../support/harness.js';
import { connectNode } from '../support/node-client.js';

describe('a call that always fails', () => {
  for (const [driver, call] of [
    ['io_uring', 'io_uring_enter'],
    ['epoll', 'epoll_wait'],
    ['select', 'select'],
  ] as const) {
    test(
      `${driver}: servers and connections get the error once, and the next default engine is a new one`,
      TIMEOUT,
      async () => {
        const before = descriptors();
        const engine = new Engine({ driver });
        const heard: string[] = [];
        const server = await listen({
          engine,
          host: '127.0.0.1',
          port: 0,
          error: (_, error) => heard.push(`error ${(error as NodeJS.ErrnoException).code}`),
          close: (_, reason) => heard.push(`close ${reason}`),
          onListenError: (error) => heard.push(`listen ${(error as NodeJS.ErrnoException).code}`),
        });
        const client = await connectNode(portOf(server));
        await eventually(() => server.connectionsCount === 1, 'the connection');
        await withFaults(
          call,
          'EPERM',
          () => true,
          async () => {
            client.socket.write('x');
            await eventually(() => heard.length === 3 && client.closed, 'the failure');
            assert.deepEqual(heard.sort(), ['close error', 'error EPERM', 'listen EPERM']);
            assert.equal(engine.isClosed, true);
            assert.equal(server.isClosed, true);
            await assert.rejects(connect({ engine, port: 1 }), { code: 'EBADF' });
            if (driver === 'io_uring') {
              const next = new Engine();
              assert.equal(next.driver, 'epoll');
              assert.match(next.skippedDrivers[0] ?? '', /io_uring_enter failed with EPERM/);
              next.close();
            }
          },
        );
        engine.close();
        await eventually(() => descriptors() <= before, 'all is closed');
      },
    );

    test(`${driver}: every operation of a port completes with the error, and then the port reports it`, TIMEOUT, () =>
      withPort({ driver }, async (dequeuer, port) => {
        const { listener, client } = await connectPair(dequeuer, (socket) => {
          socket.setOption('sendBufferBytes', 8192);
          socket.setOption('receiveBufferBytes', 8192);
        });
        port.postReceive(client);
        dequeuer.take();
        await withFaults(
          call,
          'EPERM',
          () => true,
          async () => {
            port.postSend(client, Buffer.alloc(4 * 2 ** 20));
            assert.equal((await dequeuer.next('accept', listener)).code, 'EPERM');
            assert.equal((await dequeuer.next('receive', client)).code, 'EPERM');
            assert.equal((await dequeuer.next('send', client)).code, 'EPERM');
            assert.equal(port.failure?.code, 'EPERM');
            assert.throws(() => port.getQueuedCompletions(new CompletionBatch(), 0), {
              code: 'EBADF',
              message: /EPERM/,
            });
            assert.throws(() => port.wakeUp(), { code: 'EBADF' });
          },
        );
      }),
    );

    test(`${driver}: the owner of a started or running port gets the error once`, TIMEOUT, async () => {
      await withPort({ driver }, async (_dequeuer, port) => {
        const failures: Error[] = [];
        port.start(() => undefined, { onFailure: (error) => failures.push(error) });
        await withFaults(
          call,
          'EPERM',
          () => true,
          async () => {
            port.wakeUp();
            await eventually(() => port.isClosed, 'the failure');
            await nextIteration();
          },
        );
        assert.deepEqual(failures, [port.failure]);
      });
      await withPort({ driver }, async (_dequeuer, port) => {
        await withFaults(
          call,
          'EPERM',
          () => true,
          () => {
            assert.throws(() => port.run(() => undefined), { code: 'EPERM' });
          },
        );
      });
    });
  }
});

test('select: a descriptor closed by other code fails only its own operation', TIMEOUT, () =>
  withPort({ driver: 'select' }, async (dequeuer, port) => {
    const { client, server } = await connectPair(dequeuer);
    const others = await connectPair(dequeuer);
    port.postReceive(server);
    port.postReceive(others.server);
    dequeuer.take();
    libc().close(server.handle);
    assert.equal((await dequeuer.next('receive', server)).code, 'EBADF');
    port.postSend(others.client, Buffer.from('x'));
    assert.equal((await dequeuer.next('receive', others.server)).data?.toString(), 'x');
    port.closeSocket(client);
  }),
);

test('paused connections get the error too', TIMEOUT, async () => {
  const engine = new Engine({ driver: 'io_uring' });
  const reasons: string[] = [];
  const paused: Connection[] = [];
  const server = await listen({
    engine,
    host: '127.0.0.1',
    port: 0,
    open: (connection) => {
      connection.pause();
      paused.push(connection as Connection);
    },
    data: () => undefined,
    close: (_, reason) => reasons.push(reason),
    onListenError: () => undefined,
  });
  const clients = await Promise.all([1, 2].map(() => connectNode(portOf(server))));
  await eventually(() => paused.length === 2, 'both are open');
  await withFaults(
    'io_uring_enter',
    'EPERM',
    () => true,
    async () => {
      clients.forEach(({ socket }) => socket.write('x'));
      paused.forEach((connection) => connection.write('x'));
      await eventually(() => reasons.length === 2, 'both are closed');
    },
  );
  assert.deepEqual(reasons, ['error', 'error']);
  clients.forEach(({ socket }) => socket.destroy());
});

test('a thread whose port fails is replaced, and its connections end', TIMEOUT, async () => {
  const died: Error[] = [];
  const server = await listen({
    threads: 2,
    module: programPath('failing-port'),
    driver: 'io_uring',
    host: '127.0.0.1',
    port: 0,
    onThreadDied: (error) => died.push(error),
    onListenError: (error) => assert.fail(error),
  });
  const { address } = server;
  assert(address.family !== 'unix');
  try {
    const [first, second] = await Promise.all([connectNode(address.port), connectNode(address.port)]);
    await eventually(() => first.bytes === 1 && second.bytes === 1, 'both are served');
    first.socket.write('fail');
    await eventually(() => first.closed && server.threadsReplaced === 1, 'the thread is replaced');
    assert.deepEqual(
      died.map((error) => (error as NodeJS.ErrnoException).code),
      ['EPERM'],
    );
    const third = await connectNode(address.port);
    for (const client of [second, third]) {
      client.socket.write('ping');
      await eventually(() => client.bytes === 5, 'an echo of a thread that lives');
      client.socket.destroy();
    }
  } finally {
    await server.close({ deadlineMs: 0 });
  }
});
