/** System calls that fail for a moment: nothing is lost or left open, and other connections are not affected. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as nextIteration } from 'node:timers/promises';
import { Engine } from 'overlapped';
import { CompletionBatch } from 'overlapped/port';
import { descriptors, echoServer, portOf, TIMEOUT } from '../support/failing-servers.js';
import { type ERRNO, type Faults, withFaults } from '../support/faults.js';
import { connectPair, eventually, sha256, someBytes, withPort } from '../support/harness.js';
import { connectNode, type NodeClient } from '../support/node-client.js';

const CLIENTS = 8;
const MESSAGES = 20;

type ErrorName = keyof typeof ERRNO;
type Driver = 'io_uring' | 'epoll' | 'select';

const READINESS: readonly Driver[] = ['epoll', 'select'];

/** Calls that are made while a server works. */
const AT_WORK: readonly (readonly [call: string, errors: readonly ErrorName[], drivers: readonly Driver[]])[] = [
  ['accept4', ['EINTR', 'ENOMEM', 'ENOBUFS', 'EMFILE', 'ENFILE'], READINESS],
  ['recv', ['EINTR', 'ENOMEM'], READINESS],
  ['send', ['EINTR', 'ENOMEM', 'ENOBUFS'], READINESS],
  ['sendmsg', ['EINTR', 'ENOMEM', 'ENOBUFS'], READINESS],
  ['io_submit', ['EINTR', 'EAGAIN', 'EBADF'], READINESS],
  ['epoll_wait', ['EINTR', 'ENOMEM'], ['epoll']],
  ['select', ['EINTR', 'ENOMEM'], ['select']],
  ['io_uring_enter', ['EINTR', 'ENOMEM', 'EAGAIN', 'EBUSY'], ['io_uring']],
  ['read', ['EINTR'], ['io_uring', 'epoll', 'select']],
];

/** Calls that are made when a port is opened and started. */
const AT_FIRST: readonly (readonly [call: string, error: ErrorName, drivers: readonly Driver[]])[] = [
  ['io_uring_setup', 'ENOMEM', ['io_uring']],
  ['io_uring_register', 'ENOMEM', ['io_uring']],
  ['io_uring_enter', 'ENOMEM', ['io_uring']],
  ['mmap', 'ENOMEM', ['io_uring']],
  ['pipe2', 'EMFILE', ['io_uring', 'epoll']],
  ['epoll_create1', 'EMFILE', ['epoll']],
  ['epoll_ctl', 'ENOMEM', ['io_uring', 'epoll']],
  ['epoll_ctl', 'ENOSPC', ['epoll']],
  ['dup3', 'EINTR', ['io_uring', 'epoll']],
  ['dup3', 'EMFILE', ['io_uring', 'epoll']],
  ['write', 'EMFILE', ['epoll']],
  ['eventfd', 'EMFILE', ['io_uring', 'epoll', 'select']],
  ['socket', 'ENOBUFS', ['io_uring', 'epoll', 'select']],
  ['setsockopt', 'ENOMEM', ['io_uring', 'epoll', 'select']],
  ['getsockopt', 'ENOBUFS', ['epoll', 'select']],
  ['shutdown', 'ENOBUFS', ['io_uring', 'epoll', 'select']],
];

async function talk(client: NodeClient, messageBytes: number): Promise<void> {
  for (let count = 1; count <= MESSAGES; count++) {
    const data = someBytes(messageBytes);
    const start = client.bytes;
    client.socket.write(data);
    await eventually(() => client.bytes === start + data.length, `echo ${count}`);
    assert.equal(sha256(client.data.subarray(start)), sha256(data));
  }
}

describe('a call that fails now and then', () => {
  for (const [call, errors, drivers] of AT_WORK) {
    for (const [driver, error] of drivers.flatMap((one) => errors.map((code) => [one, code] as const))) {
      test(`${driver}: ${call} fails with ${error}, and every byte is echoed`, TIMEOUT, async () => {
        const errors: Error[] = [];
        const disabledFeatures = ['recv', 'send', 'sendmsg'].includes(call) ? ['batched_calls'] : [];
        const engine = new Engine({ driver, bufferCount: 64, disabledFeatures });
        try {
          const server = await echoServer(engine, (listenError) => errors.push(listenError), call === 'sendmsg');
          const fails = (count: number): boolean => count % 3 === 0;
          await withFaults(call, error, fails, async (faults) => {
            const clients = await Promise.all(Array.from({ length: CLIENTS }, () => connectNode(portOf(server))));
            // Halves of the longer ones are not copied, so that they are two pieces of one send.
            const messageBytes = call === 'sendmsg' ? 60_000 : 3000;
            await Promise.all(clients.map((client) => talk(client, messageBytes)));
            clients.forEach(({ socket }) => socket.end());
            await eventually(() => server.connectionsCount === 0, 'all are closed');
            assert(call === 'read' || faults.failed > 0, `${faults.failed} of ${faults.calls} have failed`);
          });
          assert.deepEqual(errors, []);
          assert.equal(server.listening, true);
          const { closesByReason, opened } = server.statistics().connections;
          assert.deepEqual([opened, closesByReason.finished], [CLIENTS, CLIENTS]);
          await server.close();
        } finally {
          engine.close();
        }
      });
    }
  }
});

/** Opens a port, echoes once and closes it; returns the code of the failure, or undefined. */
async function openAndEcho(driver: Driver): Promise<string | undefined> {
  let engine: Engine | undefined;
  try {
    engine = new Engine({ driver, bufferCount: 16, submissionEntries: 16 });
    const server = await echoServer(engine, () => undefined);
    const client = await connectNode(portOf(server));
    client.socket.write('ping');
    await eventually(() => client.bytes === 4 || client.closed, 'the echo', 5000);
    client.socket.destroy();
    // Until the watch of the event loop has proved itself, or has been replaced.
    for (let count = 0; count < 10; count++) {
      await nextIteration();
    }
    await server.close({ deadlineMs: 0 });
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  } finally {
    engine?.close();
  }
}

describe('a call that fails while a port opens', () => {
  for (const [call, error, drivers] of AT_FIRST) {
    for (const driver of drivers) {
      test(`${driver}: ${call} fails with ${error}, and nothing stays open`, TIMEOUT, async () => {
        assert.equal(await openAndEcho(driver), undefined);
        await nextIteration();
        const before = descriptors();
        let calls = Infinity;
        for (let failing = 1; failing <= Math.min(calls, 12); failing++) {
          const fails = (count: number): boolean => count === failing;
          const code = await withFaults(call, error, fails, async (faults: Faults) => {
            const result = await openAndEcho(driver);
            calls = faults.calls;
            return result;
          });
          assert([undefined, error, 'ERR_DRIVER_UNAVAILABLE'].includes(code), `${failing}: ${code}`);
          await eventually(() => descriptors() <= before, `call ${failing}: all is closed (${code})`, 5000);
        }
        assert.equal(await openAndEcho(driver), undefined);
      });
    }
  }
});

test('a lasting shortage is retried with growing delays, and nothing is lost', TIMEOUT, async () => {
  for (const [driver, call] of [
    ['io_uring', 'io_uring_enter'],
    ['epoll', 'epoll_wait'],
    ['select', 'select'],
  ] as const) {
    await withPort({ driver }, async (dequeuer, port) => {
      const { client, server } = await connectPair(dequeuer);
      port.postReceive(server);
      dequeuer.take();
      const SHORT = 8;
      await withFaults(
        call,
        'ENOMEM',
        (count) => count <= SHORT,
        async (faults) => {
          const began = performance.now();
          port.postSend(client, Buffer.from('ping'));
          const batch = new CompletionBatch();
          const kinds: string[] = [];
          while (kinds.length < 2) {
            port.getQueuedCompletions(batch, 5000);
            for (let index = 0; index < batch.length; index++) {
              kinds.push(batch.at(index).kind);
            }
          }
          batch.clear();
          assert.deepEqual(kinds.sort(), ['receive', 'send']);
          // 1, 2, 4, … ms: a timer may be early by less than one.
          assert(performance.now() - began > 2 ** SHORT / 3, `${performance.now() - began} ms`);
          assert(faults.calls < SHORT + 5, `${faults.calls} calls`);
        },
      );
    });
  }
});

test('io_uring queues operations beyond its ring while the kernel accepts no submissions', TIMEOUT, () =>
  withPort({ driver: 'io_uring', submissionEntries: 8 }, async (dequeuer, port) => {
    const pairs: Awaited<ReturnType<typeof connectPair>>[] = [];
    for (let count = 0; count < 10; count++) {
      pairs.push(await connectPair(dequeuer));
    }
    await withFaults(
      'io_uring_enter',
      'ENOMEM',
      () => true,
      () => {
        pairs.forEach(({ client, server }, index) => {
          port.postReceive(server);
          for (let count = 0; count < 5; count++) {
            port.postSend(client, Buffer.from(`${index}.${count} `));
          }
        });
        assert.equal(port.getQueuedCompletions(new CompletionBatch(), 0), 0);
      },
    );
    for (const [index, { server }] of pairs.entries()) {
      const { data } = await dequeuer.receiveAll(server, 20);
      assert.equal(data.toString(), [0, 1, 2, 3, 4].map((count) => `${index}.${count} `).join(''));
    }
  }),
);
