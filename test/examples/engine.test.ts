/** The examples of the engine: each runs as its reader would run it, and clients of node:net talk to it. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Child } from '../support/child.js';
import { eventually, sha256, someBytes } from '../support/harness.js';
import { connectNode, type NodeClient, openNode } from '../support/node-client.js';
import { system } from '../support/system.js';

const host = '127.0.0.1';
const LINES_MAX = 100;
const LARGE_BYTES = 8_000_000;
const TIMEOUT = { timeout: 60_000 * system.patience };
const DRIVERS = system.drivers;
const NAMES = ['engine-echo', 'chat', 'proxy', 'lines', 'reconnect', 'gateway', 'gateway-client'] as const;

type Name = (typeof NAMES)[number];

const children = new Set<Child>();

after(() => children.forEach((child) => child.kill()));

function start(name: Name, ...parameters: string[]): Child {
  const program = fileURLToPath(new URL(`../../examples/${name}.js`, import.meta.url));
  const child = new Child(program, parameters, { timeoutMs: 60_000 });
  children.add(child);
  return child;
}

/** The child is up, and has printed its address. */
async function portOf(child: Child): Promise<number> {
  return Number((await child.says(/listening on 127\.0\.0\.1:(\d+)\n/))[1]);
}

/** Ends a child by a signal: on systems with signals it closes in good order, and prints no error. */
async function stop(child: Child): Promise<void> {
  child.process.kill('SIGTERM');
  const { exitCode, stderr } = await child.ended;
  if (process.platform !== 'win32') {
    assert.deepEqual([exitCode, stderr], [0, '']);
  }
}

function text(client: NodeClient): string {
  return client.data.toString();
}

async function hears(client: NodeClient, words: string): Promise<void> {
  await eventually(() => text(client).includes(words), words);
}

/** A server of node:net, with the sockets that it has. */
async function serve(serveOne: (socket: Socket) => void): Promise<{ server: Server; port: number }> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined);
    serveOne(socket);
  });
  server.listen(0, host);
  await once(server, 'listening');
  const address = server.address();
  assert(address !== null && typeof address === 'object');
  return { server, port: address.port };
}

for (const name of NAMES) {
  test(`examples/${name}.ts has fewer than ${LINES_MAX} lines`, () => {
    const source = readFileSync(fileURLToPath(new URL(`../../../examples/${name}.ts`, import.meta.url)), 'utf8');
    assert(source.trimEnd().split('\n').length < LINES_MAX);
  });
}

describe('examples/engine-echo.ts', () => {
  for (const driver of [...DRIVERS, 'auto']) {
    test(`echoes on ${driver}, even if one client does not read`, TIMEOUT, async () => {
      const child = start('engine-echo', '0', driver);
      const port = await portOf(child);
      const greedy = await connectNode(port);
      greedy.socket.pause();
      greedy.socket.write(Buffer.alloc(LARGE_BYTES));
      const client = await connectNode(port);
      const data = someBytes(LARGE_BYTES);
      client.socket.end(data);
      await eventually(() => client.ended, 'the end');
      assert.equal(sha256(client.data), sha256(data));
      greedy.socket.destroy();
      await stop(child);
    });
  }
});

describe('examples/chat.ts', () => {
  for (const driver of DRIVERS) {
    test(
      `on ${driver}: a message reaches all members; one that does not read is removed and delays nobody`,
      TIMEOUT,
      async () => {
        const child = start('chat', '0', driver);
        const port = await portOf(child);
        const ann = await connectNode(port);
        await hears(ann, 'You are guest1.');
        const bob = await connectNode(port);
        await hears(ann, '* guest2 came');
        const lazy = await connectNode(port);
        await hears(ann, '* guest3 came');
        lazy.socket.pause();
        ann.socket.write('hello\n');
        await hears(bob, 'guest1: hello\n');
        const flood = Buffer.alloc(1_000_000, 'x');
        while (!child.stdout.includes('guest3: write_queue_full\n')) {
          const before = bob.bytes;
          ann.socket.write(flood);
          await eventually(() => bob.bytes >= before + flood.byteLength, 'the flood');
        }
        bob.socket.write('still here\n');
        await hears(ann, 'guest2: still here\n');
        assert(text(bob).includes('* guest3 was too slow\n'));
        [ann, bob, lazy].forEach((client) => client.socket.destroy());
        await stop(child);
      },
    );
  }
});

describe('examples/proxy.ts', () => {
  for (const driver of DRIVERS) {
    test(`on ${driver}: proxies both directions, half-closes, backpressure and resets`, TIMEOUT, async () => {
      let taken = 0;
      const held: Socket[] = [];
      const { server, port: target } = await serve((socket) => {
        socket.once('data', (data) => {
          if (data[0] === 0) {
            // This one reads no more.
            socket.pause();
            taken = data.length;
            held.push(socket);
          } else {
            socket.write(data);
            socket.pipe(socket);
          }
        });
      });
      const child = start('proxy', '0', host, String(target), driver);
      const port = await portOf(child);
      const clients = await Promise.all([1, 2, 3].map(() => connectNode(port)));
      for (const client of clients) {
        const data = someBytes(LARGE_BYTES);
        data[0] = 1;
        client.socket.end(data);
        await eventually(() => client.ended, 'the end');
        assert.equal(sha256(client.data), sha256(data));
      }
      // Unread bytes are not received either: the kernel's buffers, and 64 KiB in the proxy.
      const pushing = await connectNode(port);
      const much = Buffer.alloc(64_000_000);
      pushing.socket.write(much);
      await eventually(() => taken > 0, 'the first bytes');
      await sleep(500);
      assert(pushing.socket.bytesWritten - pushing.socket.writableLength < much.byteLength);
      held[0]?.resetAndDestroy();
      await eventually(() => pushing.closed, 'the reset');
      assert.match(pushing.code ?? '', /ECONNRESET|EPIPE/);
      clients.forEach((client) => client.socket.destroy());
      server.close();
      await once(server, 'close');
      // The refusal may come so soon that this one never seems to be connected.
      const late = openNode(port).on('error', () => undefined);
      await new Promise((resolve) => late.once('close', resolve));
      await child.says(/cannot reach .*: ECONNREFUSED/);
      await stop(child);
    });
  }
});

describe('examples/lines.ts', () => {
  for (const driver of DRIVERS) {
    test(
      `on ${driver}: takes lines in pieces or many at once, but none too long and none too slow`,
      TIMEOUT,
      async () => {
        const child = start('lines', '0', driver);
        const port = await portOf(child);
        const client = await connectNode(port);
        for (const piece of ['a', 'b\nc', 'd\n\ne', 'f\r\n']) {
          client.socket.write(piece);
          await sleep(20);
        }
        await hears(client, 'EF\n');
        assert.equal(text(client), 'AB\nCD\n\nEF\n');
        const many = Array.from({ length: 20_000 }, (_, index) => `line ${index}\n`).join('');
        client.socket.end(many);
        await eventually(() => client.ended, 'the end');
        assert.equal(text(client), `AB\nCD\n\nEF\n${many.toUpperCase()}`);
        const long = await connectNode(port);
        long.socket.write('x'.repeat(1025));
        await hears(long, 'A line has at most 1024 bytes\n');
        const trickling = await connectNode(port);
        const timer = setInterval(() => trickling.socket.write('.'), 100);
        await eventually(() => trickling.closed || trickling.ended, 'the deadline');
        clearInterval(timer);
        await child.says(/closed: deadline/);
        [client, long, trickling].forEach(({ socket }) => socket.destroy());
        await stop(child);
      },
    );
  }
});

describe('examples/gateway.ts', () => {
  for (const driver of DRIVERS) {
    test(
      `on ${driver}: players log in, change rooms, talk to their room, and are removed when silent`,
      TIMEOUT,
      async () => {
        const child = start('gateway', '0', driver, '300');
        const port = await portOf(child);
        const ann = start('gateway-client', String(port), 'ann');
        await ann.says(/\* ann came\n/);
        const bob = start('gateway-client', String(port), 'bob');
        await ann.says(/\* bob came\n/);
        const say = (player: Child, words: string): void => {
          player.process.stdin?.write(`${words}\n`);
        };
        say(ann, 'hello');
        await bob.says(/ann: hello\n/);
        say(bob, '/join arena');
        await ann.says(/\* bob left\n/);
        say(bob, 'anybody here?');
        await bob.says(/\* bob came\nbob: anybody here\?\n/);
        // A login by hand: length 3, command 1. It never answers a ping.
        const silent = await connectNode(port);
        silent.socket.write(Buffer.from([0, 3, 0, 1, 101, 118, 101]));
        await ann.says(/\* eve came\n\* eve left\n/);
        await child.says(/eve: heartbeat\n/);
        const garbage = await connectNode(port);
        garbage.socket.write(Buffer.from([0xff, 0xff, 0, 1, 1]));
        await eventually(() => garbage.ended || garbage.closed, 'garbage is refused');
        say(ann, 'still here');
        await ann.says(/ann: still here\n/);
        ann.process.stdin?.end();
        assert.equal((await ann.ended).exitCode, 0);
        await child.says(/ann: finished\n/);
        [silent, garbage].forEach(({ socket }) => socket.destroy());
        await stop(child);
        assert.match((await bob.ended).stdout, /\* the gateway is gone: finished\n$/);
      },
    );
  }
});

describe('examples/reconnect.ts', () => {
  for (const driver of DRIVERS) {
    test(`on ${driver}: reconnects when its server is killed and started again`, TIMEOUT, async () => {
      let echo = start('engine-echo', '0', driver);
      const port = await portOf(echo);
      const client = start('reconnect', host, String(port), driver);
      await client.says(/connected\nhello from \d+\n/);
      echo.kill();
      await echo.ended;
      await client.says(/closed: \w+\nagain in \d+ ms\n(?:.*\n)*cannot connect: ECONNREFUSED\nagain in \d+ ms\n/);
      echo = start('engine-echo', String(port), driver);
      await portOf(echo);
      await client.says(/(?:connected\nhello from \d+\n(?:.*\n)*?){2}/);
      await stop(client);
      await stop(echo);
    });
  }

  test('can be ended while it waits', TIMEOUT, async () => {
    const { server, port } = await serve((socket) => socket.destroy());
    server.close();
    await once(server, 'close');
    const client = start('reconnect', host, String(port));
    await client.says(/again in/);
    await stop(client);
  });
});
