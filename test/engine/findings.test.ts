/** What the simulation has found in the engine: one test each, as short as the failure allows. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type CloseReason,
  type Connection,
  type ConnectOptions,
  connect,
  Engine,
  type ListenOptions,
  listen,
  type Server,
} from 'overlapped';
import { delimited } from 'overlapped/framing';
import { SimNetwork, type SimNetworkOptions } from 'overlapped/sim';
import { TICK_MS } from '../../src/engine/scheduling/timer-wheel.js';

const HOST = '127.0.0.1';
const DAY_MS = 86_400_000;
const POOL = { bufferCount: 8, bufferSizeBytes: 4096, poisonReleasedBuffers: true } as const;

/** A network with two engines: what one of them lends is not the other's. */
class Stage {
  readonly network: SimNetwork;
  readonly #near: Engine;
  readonly #far: Engine;

  constructor(options: SimNetworkOptions = {}) {
    this.network = new SimNetwork(options);
    this.#near = new Engine({ driver: this.network, ...POOL });
    this.#far = new Engine({ driver: this.network, ...POOL });
  }

  listen(options: Partial<ListenOptions>): Promise<Server> {
    return listen({ host: HOST, port: 0, engine: this.#near, ...options });
  }

  connect(server: Server, options: Partial<ConnectOptions> = {}): Promise<Connection> {
    const { address } = server;
    const port = address.family === 'unix' ? 0 : address.port;
    return connect({ host: HOST, port, engine: this.#far, ...options });
  }

  /** Lets so long pass by the network's clock. */
  pass(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.network.clock.setTimer(resolve, delayMs);
    });
  }

  /** From a timer of the network: what comes from outside of it may come after its clock's next jump. */
  soon(action: () => void): void {
    this.network.clock.setTimer(action, 1);
  }

  close(): void {
    this.#near.close();
    this.#far.close();
  }
}

async function onStage(options: SimNetworkOptions, action: (stage: Stage) => Promise<void>): Promise<void> {
  const stage = new Stage(options);
  try {
    await action(stage);
  } finally {
    stage.close();
  }
}

describe('regressions that the simulation found', () => {
  test('queuedBytesMax applies even if it is below the high-water mark', () =>
    onStage({}, async (stage) => {
      const reasons: CloseReason[] = [];
      const server = await stage.listen({
        limits: { queuedBytesMax: 1000 },
        open: (connection) => {
          assert.equal(connection.write(Buffer.alloc(1001)), false);
          assert.equal(connection.queuedBytes, 0);
        },
        close: (_, reason) => reasons.push(reason),
      });
      await stage.connect(server);
      await stage.pass(100);
      assert.deepEqual(reasons, ['write_queue_full']);
    }));

  test('a destroyed connection that still lingers cannot be resumed', () =>
    onStage({}, async (stage) => {
      const events: string[] = [];
      const server = await stage.listen({
        timeouts: { lingerMs: 500 },
        sendBufferBytes: 256,
        open: (connection) => {
          connection.write(Buffer.alloc(200_000));
          connection.destroy();
          connection.resume();
        },
        data: () => events.push('data'),
        end: () => events.push('end'),
        close: () => events.push('close'),
      });
      const client = await stage.connect(server, { open: (connection) => connection.pause() });
      client.end('nobody reads it');
      await stage.pass(1000);
      assert.deepEqual(events, ['close']);
    }));

  test('bytes lent by one engine are copied by a connection of another engine', () =>
    onStage({ faults: { operationDelayMs: [5, 5] } }, async (stage) => {
      const received: Buffer[] = [];
      const sent = Buffer.from(Array.from({ length: 20_000 }, (_, index) => index % 251));
      const back = await stage.listen({ data: (_, chunk) => received.push(Buffer.from(chunk)) });
      const relay = await stage.connect(back);
      const front = await stage.listen({ data: (_, chunk) => relay.write(chunk) });
      const client = await stage.connect(front);
      client.write(sent);
      await stage.pass(1000);
      assert.deepEqual(Buffer.concat(received), sent);
    }));

  test('closing a server does not call serverClosing for a connection that is already ending', () =>
    onStage({}, async (stage) => {
      const closing: boolean[] = [];
      const server = await stage.listen({
        serverClosing: (connection) => {
          closing.push(connection.closing);
          for (const each of server.connections()) {
            each.destroy();
          }
        },
      });
      await stage.connect(server);
      await stage.connect(server);
      await stage.pass(10);
      await server.close();
      assert.deepEqual(closing, [false]);
    }));

  test("drain is emitted if the server's close ended our side, so that a paused program can read on", () =>
    onStage({}, async (stage) => {
      const reasons: CloseReason[] = [];
      const server = await stage.listen({
        allowHalfOpen: true,
        sendBufferBytes: 1024,
        limits: { highWaterMarkBytes: 65_536 },
        open: (connection) => {
          connection.write(Buffer.alloc(200_000));
          connection.pause();
        },
        data: () => undefined,
        drain: (connection) => connection.resume(),
        close: (_, reason) => reasons.push(reason),
      });
      const client = await stage.connect(server, { data: () => undefined, open: (connection) => connection.pause() });
      client.end('to be read');
      await stage.pass(10);
      stage.soon(() => client.resume());
      await server.close({ deadlineMs: 3000 });
      assert.deepEqual(reasons, ['finished']);
    }));

  test('pending messages of a resumed connection are delivered before its end', () =>
    onStage({ multishot: true }, async (stage) => {
      const told: string[] = [];
      let first: Connection | undefined;
      const server = await stage.listen({
        framing: delimited(),
        open(connection) {
          first ??= connection;
        },
        message(connection, message) {
          if (connection === first) {
            told.push(String(message));
            connection.pause();
          } else {
            first?.resume();
          }
        },
        close: (connection, reason) => connection === first && told.push(reason),
      });
      const paused = await stage.connect(server);
      const other = await stage.connect(server);
      paused.write('one\ntwo\nthree\n');
      await stage.pass(10);
      assert.deepEqual(told, ['one']);
      // Together: the end comes behind the resume, and before the turn that goes on with the messages.
      stage.soon(() => {
        other.write('go on\n');
        paused.end();
      });
      await stage.pass(10);
      assert.deepEqual(told, ['one', 'two']);
      for (let round = 0; round < 2; round++) {
        stage.soon(() => other.write('go on\n'));
        await stage.pass(10);
      }
      assert.deepEqual(told, ['one', 'two', 'three', 'finished']);
    }));

  test('the half-close timeout does not run while a slow reader has unread data', () =>
    onStage({}, async (stage) => {
      const server = await stage.listen({
        allowHalfOpen: true,
        data: () => undefined,
        end: (connection) => connection.end(Buffer.alloc(200_000)),
      });
      const client = await stage.connect(server, { timeouts: { shutdownMs: 500 } });
      client.end('request');
      let bytes = 0;
      for await (const chunk of client) {
        bytes += chunk.byteLength;
        if (bytes === chunk.byteLength) {
          await stage.pass(2000);
        }
      }
      assert.equal(bytes, 200_000);
    }));

  test('the half-close timeout restarts on resume and does not run while nothing reads', () =>
    onStage({}, async (stage) => {
      const closes: [name: string, reason: CloseReason, at: number][] = [];
      const close = (name: string) => (_: unknown, reason: CloseReason) => {
        closes.push([name, reason, stage.network.now()]);
      };
      const server = await stage.listen({
        allowHalfOpen: true,
        data: (connection) => connection.write('and nothing more'),
      });
      const limit = { timeouts: { shutdownMs: 500 } };
      const began = stage.network.now();
      const unread = await stage.connect(server, { ...limit, close: close('unread') });
      const paused = await stage.connect(server, { ...limit, data: () => undefined, close: close('paused') });
      paused.pause();
      unread.end('hello');
      paused.end('hello');
      await stage.pass(2000);
      let resumed = Infinity;
      stage.soon(() => {
        resumed = stage.network.now();
        paused.resume();
      });
      await stage.pass(2000);
      assert.deepEqual(
        closes.map(([name, reason]) => `${name} ${reason}`),
        ['unread shutdown_timeout', 'paused shutdown_timeout'],
      );
      const [first, second] = closes.map(([, , at]) => at) as [number, number];
      assert(first - began < 1000, `the unread one after ${first - began} ms`);
      assert(second - resumed >= 500 && second - resumed < 1000, `${second - resumed} ms behind the resume`);
    }));

  test('a paused connection sends no heartbeats, and does again after resume', () =>
    onStage({}, async (stage) => {
      const closes: string[] = [];
      const pings: string[] = [];
      const server = await stage.listen({
        framing: delimited(),
        heartbeat: { intervalMs: 300, missedMax: 2, ping: Buffer.from('ping') },
        message: (connection) => connection.pause(),
        close: (_, reason) => closes.push(reason),
      });
      const client = await stage.connect(server, { data: (_, chunk) => pings.push(String(chunk)) });
      client.write('work\n');
      await stage.pass(3000);
      assert.deepEqual([pings, closes], [[], []]);
      stage.soon(() => {
        for (const connection of server.connections()) {
          connection.resume();
        }
      });
      await stage.pass(200);
      assert.deepEqual([pings, closes], [[], []]);
      await stage.pass(2000);
      assert.deepEqual([pings, closes], [['ping\n', 'ping\n'], ['heartbeat']]);
    }));

  test('a connection that only has bytes left to send gets no heartbeat', () =>
    onStage({}, async (stage) => {
      const began = stage.network.now();
      let closedAt = 0;
      const server = await stage.listen({
        framing: delimited(),
        timeouts: { lingerMs: 5000 },
        sendBufferBytes: 1024,
        heartbeat: { intervalMs: 300, missedMax: 2, ping: Buffer.from('ping') },
        open(connection) {
          connection.write(Buffer.alloc(200_000));
          connection.destroy();
        },
        close: () => {
          closedAt = stage.network.now();
        },
      });
      await stage.connect(server, { open: (connection) => connection.pause() });
      await stage.pass(10_000);
      assert(closedAt - began >= 5000, `closed after ${closedAt - began} ms`);
    }));

  test('a heartbeat whose ping throws closes only its own connection', () =>
    onStage({}, async (stage) => {
      const told: string[] = [];
      let pings = 0;
      const server = await stage.listen({
        framing: delimited(),
        heartbeat: {
          intervalMs: 300,
          ping() {
            if (pings++ === 0) {
              throw new Error('no ping');
            }
            return Buffer.from('ping');
          },
          isPong(message) {
            if (String(message) === 'bad') {
              throw new Error('no pong');
            }
            return String(message) === 'pong';
          },
        },
        error: (_, error) => told.push(error.message),
        close: (_, reason) => told.push(reason),
      });
      const answer = (connection: Connection): unknown => connection.write('pong\n');
      await stage.connect(server, { data: answer });
      const other = await stage.connect(server, { data: answer });
      await stage.pass(3000);
      assert.deepEqual([told, server.connectionsCount], [['no ping', 'handler_error'], 1]);
      stage.soon(() => other.write('bad\n'));
      await stage.pass(10);
      assert.deepEqual(told.slice(2), ['no pong', 'handler_error']);
    }));

  test('timeouts still work after years of uptime, also for connections that old', () =>
    onStage({}, async (stage) => {
      const closes: [name: string, reason: CloseReason, at: number][] = [];
      const close = (name: string) => (_: unknown, reason: CloseReason) => {
        closes.push([name, reason, stage.network.now()]);
      };
      const server = await stage.listen({ timeouts: { firstByteMs: 0 }, data: () => undefined });
      const old = await stage.connect(server, { close: close('old') });
      old.write('I am here');
      for (let pieces = 0; pieces < 5; pieces++) {
        await stage.pass(200 * DAY_MS);
      }
      const began = stage.network.now();
      // How long it was is not known beyond a year.
      assert(old.idleMs > 390 * DAY_MS, `idle for ${old.idleMs} ms`);
      const idle = await stage.connect(server, { timeouts: { idleMs: 2000 }, close: close('idle') });
      stage.soon(() => old.setDeadline(1000));
      await stage.pass(5000);
      assert.deepEqual(
        closes.map(([name, reason]) => `${name} ${reason}`),
        ['old deadline', 'idle idle_timeout'],
      );
      const [first, second] = closes.map(([, , at]) => at - began) as [number, number];
      assert(first >= 1000 && first < 1200, `the deadline after ${first} ms`);
      assert(second >= 2000 && second < 2200, `the idle one after ${second} ms`);
      assert.equal(idle.closed, true);
    }));

  test('timeouts that are running when the tick count restarts expire on time', () =>
    onStage({}, async (stage) => {
      const closes = new Map<CloseReason, number>();
      const close = (_: unknown, reason: CloseReason): unknown => closes.set(reason, stage.network.now());
      const idle = await stage.listen({ timeouts: { idleMs: 10_000, firstByteMs: 0 }, close });
      const silent = await stage.listen({
        framing: delimited(),
        heartbeat: { intervalMs: 3000, missedMax: 2, ping: Buffer.from('ping') },
        timeouts: { firstByteMs: 0 },
        message: () => undefined,
        close,
      });
      const first = await stage.listen({ timeouts: { firstByteMs: 11_000 }, close });
      await stage.pass(2 ** 28 * TICK_MS - 5000 - stage.network.now());
      const began = stage.network.now();
      for (const server of [idle, silent, first]) {
        await stage.connect(server);
      }
      await stage.pass(20_000);
      for (const [reason, limitMs] of [
        ['idle_timeout', 10_000],
        ['heartbeat', 9000],
        ['first_byte_timeout', 11_000],
      ] as const) {
        const afterMs = (closes.get(reason) ?? Infinity) - began;
        assert(afterMs >= limitMs && afterMs < limitMs + 300, `${reason} after ${afterMs} ms`);
      }
    }));

  test('a deadline that is months away closes its connection on time', () =>
    onStage({}, async (stage) => {
      let closedAt = 0;
      const server = await stage.listen({
        timeouts: { firstByteMs: 0 },
        open: (connection) => connection.setDeadline(200 * DAY_MS),
        close(_, reason) {
          assert.equal(reason, 'deadline');
          closedAt = stage.network.now();
        },
      });
      await stage.pass(80 * DAY_MS);
      await stage.connect(server);
      const began = stage.network.now();
      await stage.pass(210 * DAY_MS);
      assert(closedAt - began >= 200 * DAY_MS && closedAt - began < 200 * DAY_MS + 100, `${closedAt - began} ms`);
    }));

  for (const limit of ['writeStallMs', 'idleMs'] as const) {
    test(`a peer that reads slowly stays connected until it reads nothing for ${limit}`, () =>
      onStage({}, async (stage) => {
        let closedAt = 0;
        let lastAt = 0;
        let takes = 20;
        const server = await stage.listen({
          sendBufferBytes: 4096,
          open: (connection) => connection.write(Buffer.alloc(1_000_000)),
          close() {
            closedAt = stage.network.now();
          },
          timeouts: { [limit]: 1000 },
        });
        await stage.connect(server, {
          receiveBufferBytes: 4096,
          limits: { roundBytesMax: 4096 },
          data(connection) {
            connection.pause();
            if (takes-- > 0) {
              lastAt = stage.network.now();
              stage.network.clock.setTimer(() => connection.resume(), 700);
            }
          },
        });
        await stage.pass(30_000);
        assert.equal(takes, -1, 'all of its time');
        assert(closedAt - lastAt >= 1000 && closedAt - lastAt < 2500, `closed ${closedAt - lastAt} ms behind the last`);
      }));
  }
});
