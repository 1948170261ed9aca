/** Which driver serves where the memory that may be locked is short, and connections between threads that chose differently. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { threadId } from 'node:worker_threads';
import { programPath, runProgram } from '../support/child.js';
import { connectPair, listenOn, sha256, someBytes, withPort } from '../support/harness.js';
import { nodeHasRings } from '../support/rings-of-node.js';

const TIMEOUT = { timeout: 60_000 };

let users = 0;

/**
 * Starts a program whose rings count as locked memory, with this limit. The system counts by user, and for a while
 * counts closed rings too: programs of root run as a user that has nothing else.
 */
function withLockedMemory(bytes: number): readonly string[] {
  const limit = ['prlimit', `--memlock=${bytes}`];
  if (process.getuid?.() !== 0) {
    return limit;
  }
  const user = String(100_000 + 16 * process.pid + users++);
  return ['setpriv', '--reuid', user, '--regid', user, '--clear-groups', ...limit];
}

function limitsMissing(): string | false {
  const [command = '', ...parameters] = [...withLockedMemory(65536), 'test', '-r', programPath('which-driver')];
  const { status } = spawnSync(command, parameters);
  return status === 0 ? false : 'setpriv, prlimit, and tests that others may read, limit the memory that may be locked';
}

/** A busy machine may give the memory of a probe's ring back later than the driver waits for it. */
const TRIES_MAX = 5;

/** The driver that a process with this limit of locked memory chooses. */
async function choose(bytes: number, wanted: string) {
  for (let tries = 1; ; tries++) {
    const result = await runProgram('which-driver', ['first'], { before: withLockedMemory(bytes) });
    assert.equal(result.exitCode, 0, result.stderr);
    const chosen = JSON.parse(result.stdout);
    if (chosen.auto.driver === wanted || tries === TRIES_MAX) {
      return chosen;
    }
  }
}

describe('auto, with a low limit of locked memory', { skip: limitsMissing() }, () => {
  for (const [bytes, driver, entriesMax] of [
    [0, 'epoll', 0],
    // The rings of Node's own event loop count, too.
    [65_536, nodeHasRings ? 'epoll' : 'io_uring', 512],
    [1_048_576, 'io_uring', 4096],
  ] as const) {
    test(`${bytes / 1024} KiB: serves on ${driver}`, TIMEOUT, async () => {
      const { auto, named } = await choose(bytes, driver);
      assert.deepEqual([auto.driver, auto.echoed], [driver, 'ping']);
      if (driver === 'epoll') {
        assert.match(auto.skippedDrivers[0], /^io_uring: .*locked.*ulimit -l/);
        assert.match(named.message, /ulimit -l/);
        return;
      }
      const size = /submission_entries_(\d+)/.exec(auto.features.join())?.[1];
      assert(Number(size) >= 64 && Number(size) <= entriesMax, `${size} entries`);
    });
  }

  test('each thread chooses its driver, and serves connections of threads with other drivers', TIMEOUT, async () => {
    // Enough for the ring of the thread that accepts, and not for four others.
    const result = await runProgram('threads-by-memory', ['4'], { before: withLockedMemory(98_304) });
    assert.equal(result.exitCode, 0, result.stderr);
    const { drivers, echoed } = JSON.parse(result.stdout);
    assert.equal(drivers.length, 4);
    assert(drivers.includes('epoll'), drivers.join());
    assert.equal(echoed, 12);
  });
});

describe('a connection moves to a port with another driver', () => {
  const drivers = ['io_uring', 'epoll', 'select'] as const;
  for (const [from, to] of drivers.flatMap((one) => drivers.map((other) => [one, other] as const))) {
    test(`from ${from} to ${to}: it waits in the way of the new driver`, TIMEOUT, () =>
      withPort({ driver: from }, (accepting) =>
        withPort({ driver: to }, async (serving) => {
          const listener = listenOn(accepting.port);
          const client = serving.port.createSocket('ipv4');
          serving.port.associate(client);
          serving.port.postConnect(client, listener.localAddress());
          serving.take();
          const { accepted } = await accepting.next('accept', listener);
          assert(accepted !== undefined);
          const server = serving.port.adopt(accepting.port.detach(accepted, threadId), 'ipv4');
          serving.port.associate(server);
          assert.equal((await serving.next('connect', client)).code, undefined);
          // Nothing is there to receive, and more is sent than the system has room for: both have to wait.
          const data = someBytes(8 * 2 ** 20);
          serving.port.postReceive(server);
          serving.port.postSend(server, data);
          serving.take();
          serving.port.postReceive(client);
          const { data: received } = await serving.receiveAll(client, data.byteLength);
          assert.equal(sha256(received), sha256(data));
          assert.equal((await serving.next('send', server)).bytes, data.byteLength);
          serving.port.postSend(client, Buffer.from('x'));
          assert.equal((await serving.next('receive', server)).data?.toString(), 'x');
        }),
      ),
    );
  }
});

test('a ring has the requested size if memory allows, and reports its size', TIMEOUT, async () => {
  await withPort({ driver: 'io_uring', submissionEntries: 128 }, async (dequeuer, port) => {
    assert(port.features.includes('submission_entries_128'));
    await connectPair(dequeuer);
  });
});
