/** io_uring on kernels that lack a feature, and when it is refused: each fallback is forced. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { Engine, listen } from 'overlapped';
import type { OverlappedSocket } from 'overlapped/port';
import type { MultishotReceive } from '../../../src/drivers/io-uring/multishot-probe.js';
import { RECEIVES_ONCE } from '../../../src/engine/connection-core/state.js';
import { runProgram } from '../../support/child.js';
import { connectPair, eventually, sendAndCancel, sha256, someBytes, withPort } from '../../support/harness.js';
import { LoopEcho } from '../../support/loop-echo.js';
import { connectNode } from '../../support/node-client.js';
import { nodeHasRings } from '../../support/rings-of-node.js';
import { manyStreams } from '../../support/streams.js';

const FEATURES = [
  'single_issuer',
  'defer_taskrun',
  'no_sqarray',
  'multishot_accept',
  'multishot_receive',
  'multishot_limit',
  'event_loop_wait',
  'event_loop_watch',
] as const;

/** Features that depend on another one: DEFER_TASKRUN needs SINGLE_ISSUER. */
const GOES_WITH: Readonly<Record<string, readonly string[]>> = { single_issuer: ['defer_taskrun'] };

const SETS: readonly (readonly string[])[] = [
  [],
  ...FEATURES.map((feature) => [feature]),
  ['multishot_accept', 'multishot_receive'],
  FEATURES,
];

const TIMEOUT = { timeout: 60_000 };

describe('io_uring without some of its features', () => {
  for (const disabledFeatures of SETS) {
    const name = disabledFeatures.length === 0 ? 'nothing' : disabledFeatures.join(', ');
    const options = { driver: 'io_uring' as const, disabledFeatures };

    test(`without ${name}: the port's features report it`, TIMEOUT, () =>
      withPort(options, (_dequeuer, port) => {
        for (const feature of disabledFeatures.flatMap((one) => [one, ...(GOES_WITH[one] ?? [])])) {
          assert.equal(port.features.includes(feature), false, feature);
        }
      }),
    );

    test(`without ${name}: a round trip, a cancel and a close work in blocking calls`, TIMEOUT, () =>
      withPort(options, async (dequeuer, port) => {
        const { client, server } = await connectPair(dequeuer);
        await sendAndCancel(dequeuer, client, server);
        port.postReceive(client);
        dequeuer.take(1);
        port.closeSocket(client);
        assert.equal((await dequeuer.next('receive', client)).code, 'ECANCELED');
        port.postReceive(server);
        assert.equal((await dequeuer.next('receive', server)).bytes, 0);
        port.wakeUp();
        assert.equal((await dequeuer.next('wakeUp')).bytes, 1);
      }),
    );

    test(`without ${name}: an echo server works in the event loop`, TIMEOUT, async () => {
      const echo = new LoopEcho(options).start();
      const clients = await Promise.all([0, 1, 2, 3].map(() => connectNode(echo.number)));
      for (const client of clients) {
        for (let round = 1; round <= 20; round++) {
          client.socket.write('ping');
          await eventually(() => client.bytes === 4 * round, `echo ${round}`);
        }
      }
      if (disabledFeatures.includes('event_loop_watch')) {
        assert.match(echo.port.eventLoopWatch ?? '', /waiting thread/);
      }
      echo.port.close();
      await eventually(() => clients.every((client) => client.ended || client.closed), 'all are closed');
      clients.forEach((client) => {
        client.socket.destroy();
      });
      await manyStreams({ options, streams: 5, bytesEach: 200_000 });
    });
  }
});

test('the probe keeps the memory that the kernel still uses', TIMEOUT, async () => {
  const { stdout } = await runProgram('probe-memory', []);
  const { multishot, alive }: { multishot: MultishotReceive; alive: number[] } = JSON.parse(stdout);
  assert(alive.length > 0);
  assert.deepEqual(new Set(alive), new Set([1]));
  await withPort({ driver: 'io_uring' }, (_dequeuer, port) => {
    const found = ['multishot_receive', 'multishot_limit'].map((name) => port.features.includes(name));
    assert.deepEqual(found, [multishot.supported, multishot.limited]);
  });
});

test('without multishot_limit, a connection that received too much gets single buffers', TIMEOUT, async () => {
  const engine = new Engine({ driver: 'io_uring', disabledFeatures: ['multishot_limit'] });
  const data = someBytes(32 * 1024 * 1024);
  let received = 0;
  let mostAfterwards = 0;
  let pausesAfterwards = 0;
  const server = await listen({
    engine,
    host: '127.0.0.1',
    port: 0,
    data(connection, chunk) {
      received += chunk.byteLength;
      if (connection.held !== undefined && connection.held.length > 0) {
        return;
      }
      const once = (connection.flags & RECEIVES_ONCE) !== 0 && pausesAfterwards < 10;
      connection.pause();
      setTimeout(
        () => {
          if (once && pausesAfterwards++ > 0) {
            mostAfterwards = Math.max(mostAfterwards, connection.held?.length ?? 0);
          }
          connection.resume();
        },
        once || received < 8 * 1024 * 1024 ? 20 : 0,
      );
    },
  });
  const { socket } = await connectNode((server.address as { port: number }).port);
  socket.end(data);
  await eventually(() => received === data.byteLength, 'all bytes');
  assert.ok(pausesAfterwards > 2, `${pausesAfterwards} pauses`);
  assert.ok(mostAfterwards <= 1, `${mostAfterwards} chunks`);
  engine.close();
});

describe('io_uring with tiny rings', () => {
  for (const submissionEntries of [8, 16]) {
    test(`${submissionEntries} submission entries lose nothing under many posts at once`, TIMEOUT, () =>
      withPort(
        { driver: 'io_uring', submissionEntries, bufferCount: 16, bufferSizeBytes: 256 },
        async (dequeuer, port) => {
          const pairs = [];
          for (let index = 0; index < 40; index++) {
            pairs.push(await connectPair(dequeuer));
          }
          const payloads = pairs.map(() => someBytes(3000));
          // Hundreds of posts between two dequeues, each with completions at once: both rings overflow.
          pairs.forEach(({ client, server }, index) => {
            const payload = payloads[index] as Buffer;
            port.postReceive(server);
            for (let at = 0; at < payload.byteLength; at += 300) {
              port.postSend(client, payload.subarray(at, at + 300));
            }
            port.postShutdown(client);
            port.postReceive(client);
            port.cancel(client, 'receive');
          });
          for (const [index, { client, server }] of pairs.entries()) {
            const { data, code } = await dequeuer.receiveAll(server);
            assert.equal(code, undefined);
            assert.equal(sha256(data), sha256(payloads[index] as Buffer));
            assert.equal((await dequeuer.next('receive', client)).code, 'ECANCELED');
          }
        },
      ),
    );

    test(
      `${submissionEntries} submission entries: hundreds of connects posted at once reach their own addresses`,
      TIMEOUT,
      () =>
        withPort({ driver: 'io_uring', submissionEntries }, async (dequeuer, port) => {
          const { listener } = await connectPair(dequeuer);
          const sockets: OverlappedSocket[] = [];
          for (let index = 0; index < 300; index++) {
            const socket = port.createSocket('ipv4');
            port.associate(socket);
            port.postConnect(socket, listener.localAddress());
            sockets.push(socket);
          }
          for (const socket of sockets) {
            assert.equal((await dequeuer.next('connect', socket)).code, undefined);
          }
        }),
    );

    test(`${submissionEntries} submission entries: an echo server works in the event loop`, TIMEOUT, () =>
      manyStreams({ options: { driver: 'io_uring', submissionEntries }, streams: 40, bytesEach: 100_000 }),
    );
  }
});

describe('io_uring that is refused', () => {
  const traces = spawnSync('strace', ['-V']).status === 0;
  const skipped = (call: string): string | false => {
    if (!traces) {
      return 'strace is not installed: nothing else makes one system call fail';
    }
    return call === 'io_uring_enter' && nodeHasRings
      ? "Node's own event loop ends the process without this call"
      : false;
  };
  for (const [call, error, reason] of [
    ['io_uring_setup', 'EPERM', /seccomp/],
    ['io_uring_setup', 'ENOSYS', /has no io_uring/],
    ['io_uring_setup', 'ENOMEM', /locked memory/],
    ['io_uring_setup', 'EINVAL', /Linux 5\.19/],
    ['io_uring_register', 'ENOSYS', /seccomp.*io_uring_register/],
    ['io_uring_register', 'EINVAL', /Linux 5\.19/],
    ['io_uring_enter', 'ENOSYS', /seccomp.*io_uring_enter/],
    ['io_uring_enter', 'EPERM', /seccomp.*io_uring_enter/],
  ] as const) {
    test(`if ${call} fails with ${error}, auto falls back to epoll with the reason, and naming io_uring is an error`, {
      ...TIMEOUT,
      skip: skipped(call),
    }, async () => {
      const inject = `inject=${call}:error=${error}`;
      const result = await runProgram('which-driver', [], {
        before: ['strace', '-f', '-qq', '-o', '/dev/null', '-e', `trace=${call}`, '-e', inject],
      });
      assert.equal(result.exitCode, 0, result.stderr);
      const { auto, named } = JSON.parse(result.stdout);
      assert.equal(auto.driver, 'epoll');
      assert.equal(auto.skippedDrivers.length, 1);
      assert.match(auto.skippedDrivers[0], /^io_uring: /);
      assert.match(auto.skippedDrivers[0], reason);
      assert.equal(auto.echoed, 'ping');
      assert.equal(named.code, 'ERR_DRIVER_UNAVAILABLE');
      assert.match(named.message, reason);
      assert.equal(auto.leaked, 0);
    });
  }
});
