/** Broadcast and topics of a server on many threads: everybody is reached, in order, whatever becomes of a thread. */

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { ThreadedListenOptions, ThreadedServer } from 'overlapped';
import { listen } from '../support/bundle.js';
import { programPath } from '../support/child.js';
import { countingBytes, eventually, sha256, WAIT_MS } from '../support/harness.js';
import { connectNode, type NodeClient } from '../support/node-client.js';

const TIMEOUT = { timeout: 60_000 };

/** A client that knows its thread, and the lines after that. */
class Member {
  readonly client: NodeClient;
  readonly thread: number;
  #lines: readonly string[] = [];
  #linesBytes = 0;

  constructor(client: NodeClient) {
    this.client = client;
    this.thread = Number(client.data.toString('latin1', 0, client.data.indexOf('\n')));
  }

  /** Behind the thread's number; looked through anew only when something has come. */
  get lines(): readonly string[] {
    const { bytes } = this.client;
    if (bytes > this.#linesBytes) {
      this.#linesBytes = bytes;
      this.#lines = this.client.data.toString().split('\n').slice(1, -1);
    }
    return this.#lines;
  }

  say(line: string): void {
    this.client.socket.write(`${line}\n`);
  }

  async has(line: string): Promise<void> {
    await eventually(() => this.lines.includes(line), `${line} at a member of thread ${this.thread}`);
  }

  async joins(topic: string): Promise<void> {
    this.say(`join ${topic}`);
    await this.has(`joined ${topic}`);
  }
}

async function enter(server: ThreadedServer): Promise<Member> {
  const { address } = server;
  assert(address.family !== 'unix');
  const client = await connectNode(address.port);
  await eventually(() => client.data.includes('\n'), 'the thread says its number');
  return new Member(client);
}

/** So many members, and more until each thread has one: the system spreads connections as it likes. */
async function enterMany(server: ThreadedServer, count: number): Promise<Member[]> {
  const members = await Promise.all(Array.from({ length: count }, () => enter(server)));
  while (server.connectionsByThread.includes(0)) {
    members.push(await enter(server));
  }
  return members;
}

/** Members of each thread. */
function byThread(members: readonly Member[], threads: number): [Member, ...Member[]][] {
  return Array.from({ length: threads }, (_, thread) => {
    const [first, ...others] = members.filter((member) => member.thread === thread);
    assert(first !== undefined, `thread ${thread} has members`);
    return [first, ...others];
  });
}

type Options = Partial<ThreadedListenOptions>;

async function withServer(options: Options, body: (server: ThreadedServer) => Promise<void>): Promise<void> {
  const failures: unknown[] = [];
  const module = programPath('room-handlers');
  const onHandlerError = (error: unknown): number => failures.push(error);
  const server = await listen({ host: '127.0.0.1', port: 0, threads: 3, module, onHandlerError, ...options });
  try {
    await body(server);
  } finally {
    await server.close({ deadlineMs: 0 });
  }
  assert.deepEqual(failures, []);
}

async function inFolder(body: (file: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'overlapped-'));
  try {
    await body(join(folder, 'file'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function suite(options: Options): void {
  test('a broadcast or publication of the main thread reaches all threads in order', TIMEOUT, async () => {
    await withServer(options, async (server) => {
      const members = await enterMany(server, 12);
      byThread(members, 3);
      const readers = members.filter((_, index) => index % 2 === 0);
      await Promise.all(readers.map((member) => member.joins('news')));
      const own = members.map((member) => member.client.bytes);
      const pieces = [Buffer.from('a'), countingBytes(400_000), Buffer.from('ü'), Buffer.alloc(1000, 'b')];
      server.broadcast('first ✓\n');
      for (const piece of pieces) {
        const mutable = Buffer.from(piece);
        server.broadcast(mutable);
        server.publish('news', ['news ', mutable.subarray(0, 1)]);
        server.publish('nobody', 'x');
        server.broadcast('');
        mutable.fill(0);
      }
      server.broadcast('last\n');
      const expected = (reads: boolean): Buffer =>
        Buffer.concat([
          Buffer.from('first ✓\n'),
          ...pieces.flatMap((piece) => (reads ? [piece, Buffer.from('news '), piece.subarray(0, 1)] : [piece])),
          Buffer.from('last\n'),
        ]);
      for (const [index, member] of members.entries()) {
        const wanted = expected(index % 2 === 0);
        const before = own[index] as number;
        await eventually(() => member.client.bytes >= before + wanted.byteLength, 'all of it');
        assert.equal(sha256(member.client.data.subarray(before)), sha256(wanted));
      }
      assert.equal(
        (await server.statistics()).bytesWritten,
        members.reduce((sum, { client }) => sum + client.bytes, 0),
      );
    });
  });

  test("a broadcast of a thread's handler reaches the connections of all threads", TIMEOUT, async () => {
    await withServer(options, async (server) => {
      const members = await enterMany(server, 9);
      const threads = byThread(members, 3);
      const readers = threads.map(([first]) => first);
      await Promise.all(readers.map((member) => member.joins('room')));
      for (const [speaker] of threads) {
        speaker.say(`tell room from-${speaker.thread}`);
        await speaker.has('told 1');
        await Promise.all(readers.map((member) => member.has(`from-${speaker.thread}`)));
        speaker.say(`shout loud-${speaker.thread}`);
        await speaker.has(`told ${threads[speaker.thread]?.length}`);
        await Promise.all(members.map((member) => member.has(`loud-${speaker.thread}`)));
      }
      const others = members.filter((member) => !readers.includes(member));
      others.forEach((member) => assert.deepEqual(member.lines, ['loud-0', 'loud-1', 'loud-2']));
      const loud = readers.map(({ lines }) => lines.filter((line) => /^(?:from|loud)/.test(line)));
      loud.forEach((lines) => assert.deepEqual(lines, ['from-0', 'loud-0', 'from-1', 'loud-1', 'from-2', 'loud-2']));
    });
  });

  test("bursts from all threads at once keep each sender's order", TIMEOUT, async () => {
    await withServer(options, async (server) => {
      const members = await enterMany(server, 6);
      await Promise.all(members.map((member) => member.joins('room')));
      const own = members.map(({ lines }) => lines.length);
      const senders = byThread(members, 3).map(([first]) => first);
      senders.forEach((member) => member.say('burst room 2000'));
      const expected = Array.from({ length: 2000 }, (_, index) => `${index}`);
      for (const [index, member] of members.entries()) {
        const before = own[index] as number;
        const count = before + 6000 + (senders.includes(member) ? 1 : 0);
        await eventually(() => member.lines.length === count, 'the bursts');
        const lines = member.lines.slice(before).map((line) => line.split(' '));
        for (const thread of ['0', '1', '2']) {
          assert.deepEqual(
            lines.filter(([sender]) => sender === thread).map(([, number]) => number),
            expected,
          );
        }
      }
    });
  });
}

describe('Broadcast on threads that connections are handed to', () => suite({}));
describe('Broadcast on threads that listen by themselves', () =>
  suite({ distribution: 'reuse_port', driver: 'epoll' }));

describe('Broadcast on threads', () => {
  test('continues after a thread dies, and reaches its replacement', TIMEOUT, async () => {
    let deaths = 0;
    const onThreadDied = (): void => {
      deaths++;
    };
    await withServer({ onThreadDied }, async (server) => {
      const members = await enterMany(server, 9);
      const [kept] = byThread(members, 3);
      await Promise.all(members.map((member) => member.joins('room')));
      const watcher = kept?.[0] as Member;
      let ticks = 0;
      const tick = (): void => {
        // From the main thread and from a living one, all the time that the other one dies and is replaced.
        if (ticks === 0 || watcher.lines.includes(`tick ${ticks - 1}`)) {
          server.publish('room', `tick ${ticks++}\n`);
          watcher.say('tell room tock');
        }
      };
      for (const how of ['exit', 'terminate']) {
        const before = server.threadsReplaced;
        if (how === 'exit') {
          members.find((member) => member.thread === 1 && !member.client.closed)?.say('exit');
        } else {
          server.pool.terminate(1);
        }
        await eventually(() => {
          tick();
          return server.threadsReplaced > before;
        }, 'the thread is replaced');
        const fresh = await enterMany(server, 3);
        assert.deepEqual(new Set(fresh.map(({ thread }) => thread)), new Set([1]));
        members.push(...fresh);
        await Promise.all(fresh.map((member) => member.joins('room')));
        server.broadcast(`main behind ${how}\n`);
        fresh[0]?.say(`shout fresh-behind-${how}`);
        const living = members.filter(({ client }) => !client.closed);
        assert.equal(living.length, 9);
        for (const member of living) {
          await member.has(`main behind ${how}`);
          await member.has(`fresh-behind-${how}`);
        }
      }
      assert(ticks > 10);
      for (const member of kept ?? []) {
        const seen = member.lines.filter((line) => line.startsWith('tick'));
        assert.deepEqual(
          seen,
          Array.from({ length: ticks }, (_, index) => `tick ${index}`),
        );
      }
    });
    assert.equal(deaths, 2);
  });

  test('publications of a thread are sent even if it dies, however late', TIMEOUT, async () => {
    await withServer({ threads: 2, onThreadDied: () => undefined }, async (server) => {
      const [[sender], [reader]] = byThread(await enterMany(server, 2), 2) as [[Member], [Member]];
      await reader.joins('room');
      reader.client.socket.pause();
      const before = reader.client.bytes;
      sender.say('burst room 120 100000');
      await sender.has('sent');
      sender.say('exit');
      await eventually(() => server.threadsReplaced === 1, 'it is replaced');
      reader.client.socket.resume();
      // More than the system holds for it: the thread has the rest.
      await eventually(() => reader.client.bytes === before + 120 * 100_001, 'all of it');
      assert.deepEqual(
        reader.lines.slice(1),
        Array.from({ length: 120 }, (_, index) => `${sender.thread} ${index}`.padEnd(100_000, '.')),
      );
    });
  });

  test('the last publications of a thread that dies in the same turn are sent', TIMEOUT, async () => {
    await withServer({ threads: 2, onThreadDied: () => undefined }, async (server) => {
      for (const end of ['exit', 'throw']) {
        const members = byThread(await enterMany(server, 4), 2);
        const [[sender], [reader]] = members as [[Member], [Member]];
        await reader.joins('room');
        const before = server.threadsReplaced;
        sender.say(`burst room 3\ntell room bye-${end}\n${end}`);
        await reader.has(`bye-${end}`);
        assert.deepEqual(
          reader.lines.filter((line) => line.startsWith(`${sender.thread} `)).slice(-3),
          [0, 1, 2].map((index) => `${sender.thread} ${index}`),
        );
        await eventually(() => server.threadsReplaced > before, 'it is replaced');
      }
    });
  });

  test('publishing on a closing or closed server is no error', TIMEOUT, async () => {
    await withServer({}, async (server) => {
      const members = await enterMany(server, 6);
      await Promise.all(members.map((member) => member.joins('room')));
      server.publish('room', 'last words\n');
      const closed = server.close({ deadlineMs: 10_000 });
      await eventually(() => {
        server.publish('room', 'x\n');
        members[0]?.say('tell room y');
        return members.every(({ client }) => client.ended);
      }, 'our ends');
      members.forEach(({ client }) => client.socket.end());
      await closed;
      server.broadcast('nobody hears it');
      server.publish('room', 'nobody hears it');
      members.forEach(({ lines }) => assert.equal(lines.includes('last words'), true));
    });
  });

  test('a blocked thread loses its connections, and delays no other thread', TIMEOUT, async () => {
    await inFolder(async (file) => {
      await withServer({ engineOptions: { engineQueuedBytesMax: 1_000_000 } }, async (server) => {
        const members = await enterMany(server, 6);
        const [[other], [held, lost]] = byThread(members, 3) as [[Member], [Member, Member]];
        const rest = members.filter(({ thread }) => thread !== 1);
        await Promise.all(rest.map((member) => member.joins('room')));
        held.say(`hold ${file}`);
        const line = `${'x'.repeat(99_999)}\n`;
        const count = 30;
        for (let index = 1; index <= count; index++) {
          server.publish('room', line);
          // The others do not wait for it, nor it for them: each has room for it before the next.
          await eventually(() => rest.every(({ client }) => client.bytes >= index * line.length), 'the line');
        }
        other.say('shout still-here');
        await Promise.all(rest.map((member) => member.has('still-here')));
        writeFileSync(file, '');
        await eventually(() => held.client.closed && lost.client.closed, 'its members are closed');
        assert.deepEqual([held.client.code, lost.client.code], ['ECONNRESET', 'ECONNRESET']);
        const { connections, threads } = await server.statistics();
        assert.equal(connections.closesByReason.engine_queue_full, 2);
        assert.equal(threads[1]?.statistics?.connections.open, 0);
        // A thread that takes again is served again.
        const fresh = await enter(server);
        assert.equal(fresh.thread, 1);
        server.broadcast('welcome\n');
        await Promise.all([fresh, ...rest].map((member) => member.has('welcome')));
      });
    });
  });

  test('a blocked main thread costs the threads their connections, but no memory', TIMEOUT, async () => {
    await inFolder(async (file) => {
      await withServer({ threads: 2, engineOptions: { engineQueuedBytesMax: 1_000_000 } }, async (server) => {
        const members = await enterMany(server, 2);
        const [[sender], [other]] = byThread(members, 2) as [[Member], [Member]];
        sender.say(`flood nobody 30 ${file}`);
        await new Promise<void>((resolve) => {
          sender.client.socket.write('', () => resolve());
        });
        for (const until = Date.now() + WAIT_MS; !existsSync(file) && Date.now() < until; ) {
          // Nothing of this thread runs.
        }
        await eventually(() => other.client.closed, 'the member of the other thread is closed');
        const { connections } = await server.statistics();
        assert.equal(connections.closesByReason.engine_queue_full, 1);
        const fresh = await enter(server);
        assert.equal(fresh.thread, other.thread);
        sender.say('shout again');
        await Promise.all([sender, fresh].map((member) => member.has('again')));
      });
    });
  });

  test('a publication that threads cannot receive is rejected', TIMEOUT, async () => {
    await withServer({ threads: 1 }, async (server) => {
      // @ts-expect-error: a filter is a function.
      assert.throws(() => server.broadcast('x', () => true), { code: 'ERR_INVALID_ARG_VALUE' });
      assert.throws(() => server.broadcast(5 as never), { code: 'ERR_INVALID_ARG_TYPE' });
      assert.throws(() => server.broadcast(new Uint16Array(5) as never), { code: 'ERR_INVALID_ARG_TYPE' });
      assert.throws(() => server.publish(undefined as never, 'x'), { code: 'ERR_INVALID_ARG_TYPE' });
      const member = await enter(server);
      member.say('shout alone');
      await member.has('alone');
    });
  });
});
