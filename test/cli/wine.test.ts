/** The command line and examples/echo.ts on Windows: they run in Wine, and their clients on Linux. */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, sha256, someBytes } from '../support/harness.js';
import { connectNode, type NodeClient } from '../support/node-client.js';
import { WINE_START_MS, WineChild, wineHere } from '../support/wine.js';
import { connectClient, readAll, roundTrip } from './process.js';

const CLI = 'bin/overlapped.js';
const EXAMPLE = 'dist/examples/echo.js';
const host = '127.0.0.1';
const TIMEOUT = { timeout: 60_000 };
const SLOW = { timeout: WINE_START_MS };

/** Clients that stream at once, and what each of them sends. */
const STREAMS = 100;
const STREAM_BYTES = 1_000_000;
/** Connections that are open at once. */
const OPEN = 2000;
/** Connects in flight together, far below the listener's backlog. */
const CONNECTS = 50;
const RESETS = 200;
/** More than the buffers of two sockets and of the server hold, so that it cannot all be on its way at once. */
const LARGE_BYTES = 24 * 1024 * 1024;

const skip = wineHere !== true && wineHere;

const children = new Set<WineChild>();

after(() => children.forEach((child) => child.kill()));

/** A program in Wine. One that a test leaves behind is killed before the next one starts, as that would wait for it. */
function start(program: string, ...parameters: string[]): WineChild {
  children.forEach((child) => child.kill());
  children.clear();
  const child = new WineChild(program, parameters);
  children.add(child);
  return child;
}

/** The last JSON line of an event. */
function told(child: WineChild, event: string): Record<string, unknown> {
  const lines = child.stdout.split('\n').filter((line) => line.startsWith(`{"event":"${event}"`));
  return JSON.parse(lines.at(-1) ?? '{}') as Record<string, unknown>;
}

/** An echo server on a free port. */
async function startEcho(driver: string, ...parameters: string[]): Promise<{ child: WineChild; port: number }> {
  const child = start(CLI, 'echo', '--host', host, '--port', '0', '--driver', driver, ...parameters);
  const match = await child.says(/listening on 127\.0\.0\.1:(\d+) \(\w+\)\n|"port":(\d+)/);
  return { child, port: Number(match[1] ?? match[2]) };
}

/** Ctrl-C ends a server: it lets its connections finish, and exits with 0. */
async function stopped(child: WineChild): Promise<void> {
  const { exitCode } = await child.stop();
  assert.deepEqual([exitCode, child.errors], [0, '']);
}

/** Resolves when no server listens at `port` any more. */
async function refused(port: number): Promise<void> {
  try {
    for (;;) {
      (await connectNode(port)).socket.destroy();
      await sleep(100);
    }
  } catch {
    // Refused, or reset with the listener that it waited at.
  }
}

async function connectMany(port: number, count: number): Promise<NodeClient[]> {
  const clients: NodeClient[] = [];
  while (clients.length < count) {
    const some = Math.min(CONNECTS, count - clients.length);
    clients.push(...(await Promise.all(Array.from({ length: some }, () => connectNode(port)))));
  }
  return clients;
}

/** Every client sends something and gets it back. */
async function chat(clients: readonly NodeClient[]): Promise<void> {
  clients.forEach((client, index) => client.socket.write(`client ${index}`));
  await eventually(
    () => clients.every((client, index) => client.bytes === `client ${index}`.length),
    'all echoes',
    30_000,
  );
  clients.forEach((client, index) => assert.equal(client.data.toString(), `client ${index}`));
}

/** `count` clients at once, each with random bytes of its own and then an end; the same bytes must return. */
async function stream(port: number, count: number, bytesEach: number): Promise<void> {
  await Promise.all(
    Array.from({ length: count }, async () => {
      const data = someBytes(bytesEach);
      const back = await roundTrip({ host, port }, data);
      assert.equal(back.byteLength, bytesEach);
      assert.equal(sha256(back), sha256(data));
    }),
  );
}

/** Connections that are reset in the middle of something: while the server receives, and while it sends. */
async function resetMany(port: number, count: number): Promise<void> {
  for (const [index, client] of (await connectMany(port, count)).entries()) {
    client.socket.write(index % 2 === 0 ? 'x' : Buffer.alloc(200_000));
    if (index % 4 < 2) {
      await eventually(() => client.bytes > 0, 'an echo');
    }
    client.socket.resetAndDestroy();
  }
}

for (const driver of ['iocp', 'select']) {
  describe(`overlapped echo on ${driver} in Wine`, { skip }, () => {
    let child: WineChild;
    let port = 0;

    before(async () => {
      ({ child, port } = await startEcho(driver, '--json'));
    }, SLOW);

    after(() => child.stop(), TIMEOUT);

    test('prints its address', () => {
      assert.deepEqual(told(child, 'listening'), { event: 'listening', host, port, driver, skippedDrivers: [] });
    });

    test(`${STREAMS} clients at once get 1 MB each echoed, and their half-closes`, TIMEOUT, () =>
      stream(port, STREAMS, STREAM_BYTES),
    );

    test(`${OPEN} connections open at once are all served`, TIMEOUT, async () => {
      const clients = await connectMany(port, OPEN);
      await chat(clients);
      assert.ok(clients.every((client) => !client.ended && !client.closed));
      clients.forEach((client) => client.socket.end());
      await eventually(() => clients.every((client) => client.ended), 'their ends', 30_000);
      clients.forEach((client) => client.socket.destroy());
    });

    test(`${RESETS} resets end their own connections only`, TIMEOUT, async () => {
      const other = await connectNode(port);
      await resetMany(port, RESETS);
      await chat([other]);
      other.socket.destroy();
      await child.says(/"connections":0,"messagesTotal":\d+,[^\n]*\n$/);
    });

    test('prints a summary at Ctrl-C, and stops listening', TIMEOUT, async () => {
      await stopped(child);
      const totals = told(child, 'totals');
      assert.equal(totals.connections, STREAMS + OPEN + RESETS + 1);
      assert.ok(Number(totals.bytes) >= STREAMS * STREAM_BYTES);
      await refused(port);
    });
  });

  describe(`overlapped echo on ${driver} in Wine, at Ctrl-C`, { skip }, () => {
    test('echoes bytes in flight, closes idle connections, and writes readable lines', SLOW, async () => {
      const { child, port } = await startEcho(driver);
      await child.says(/try it: .*\n/);
      assert.equal(child.stdout, `listening on 127.0.0.1:${port} (${driver})\ntry it: ncat 127.0.0.1 ${port}\n`);
      const idle = await Promise.all([0, 1, 2].map(() => connectClient({ host, port })));
      const client = await connectClient({ host, port });
      const data = someBytes(LARGE_BYTES);
      // Nothing is read yet: the server holds data that it cannot send.
      client.pause();
      client.end(data);
      await child.says(/^.*messages [1-9]\d* /m);
      const ended = child.stop();
      await refused(port);
      assert.equal(sha256(await readAll(client)), sha256(data));
      for (const socket of idle) {
        assert.equal((await readAll(socket)).byteLength, 0);
        socket.destroy();
      }
      const { exitCode, stdout } = await ended;
      assert.deepEqual([exitCode, child.errors], [0, '']);
      assert.match(stdout, /^opened /m);
      assert.match(
        stdout,
        new RegExp(`^totals: \\d+ connections, \\d+ messages, ${LARGE_BYTES} bytes in [\\d.]+ seconds\n$`, 'm'),
      );
    });

    test('a second Ctrl-C ends it at once', SLOW, async () => {
      const { child, port } = await startEcho(driver, '--quiet', '--drain-timeout', '60000');
      const client = await connectNode(port);
      client.socket.pause();
      client.socket.write(someBytes(LARGE_BYTES));
      await sleep(500);
      const start = performance.now();
      void child.stop();
      await refused(port);
      assert.equal((await child.stop()).exitCode, 130);
      assert.ok(performance.now() - start < 10_000);
      client.socket.destroy();
    });
  });

  test(`examples/echo.ts serves on ${driver} in Wine`, { skip, ...SLOW }, async () => {
    const child = start(EXAMPLE, '0', driver);
    const port = Number((await child.says(new RegExp(`listening on 0\\.0\\.0\\.0:(\\d+) \\(${driver}\\)\n`)))[1]);
    const client = await connectNode(port);
    for (let round = 1; round <= 20; round++) {
      client.socket.write('ping');
      await eventually(() => client.bytes === 4 * round, `echo ${round}`);
    }
    await resetMany(port, 20);
    await stream(port, 20, STREAM_BYTES);
    client.socket.end();
    await eventually(() => client.ended, 'the end');
    client.socket.destroy();
    await child.stop();
    assert.equal(child.errors, '');
  });
}

describe('the command line in Wine', { skip }, () => {
  test('a driver of another system is exit code 2 and one line', SLOW, async () => {
    const child = start(CLI, 'echo', '--driver', 'epoll');
    const { exitCode, stdout } = await child.ended;
    assert.deepEqual([exitCode, stdout], [2, '']);
    assert.match(
      child.errors,
      /^overlapped: cannot use the driver epoll: epoll needs Linux, and .* win32; use iocp, .*\n$/,
    );
  });

  test('doctor lists the drivers that work, and why the others do not', SLOW, async () => {
    const child = start(CLI, 'doctor', '--json');
    const { exitCode, stdout } = await child.ended;
    assert.deepEqual([exitCode, child.errors], [0, '']);
    const { auto, drivers } = JSON.parse(stdout) as {
      auto: string;
      drivers: { name: string; usable: boolean; reason?: string; wakeUpMicroseconds?: number }[];
    };
    assert.equal(auto, 'iocp');
    assert.deepEqual(
      drivers.map(({ name, usable }) => [name, usable]),
      [
        ['iocp', true],
        ['select', true],
        ['node', true],
        ['io_uring', false],
        ['epoll', false],
      ],
    );
    for (const { usable, reason, wakeUpMicroseconds } of drivers) {
      assert.match(usable ? `a wake-up took ${wakeUpMicroseconds}` : (reason ?? ''), /a wake-up took \d+|needs Linux/);
    }
  });
});
