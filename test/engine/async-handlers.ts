/** Handlers that return promises: their chunk stays intact until they are done, and the connection waits for them. */

import assert from 'node:assert/strict';
import { setImmediate as nextIteration } from 'node:timers/promises';
import type { Connection } from 'overlapped';
import { delimited, lengthPrefixed } from 'overlapped/framing';
import { countingBytes, eventually, someBytes } from '../support/harness.js';
import { type EngineSubject, portOf, scenes } from './subject.js';

const KIB = 1024;

/** Promises of handlers, which the test settles. */
class Gate {
  readonly #waiting: (() => void)[] = [];

  wait(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  get count(): number {
    return this.#waiting.length;
  }

  open(): void {
    for (const resolve of this.#waiting.splice(0)) {
      resolve();
    }
  }
}

/** Iterations of the event loop in which what should not happen would. */
async function aWhile(): Promise<void> {
  for (let round = 0; round < 20; round++) {
    await nextIteration();
  }
}

function bytes(subject: EngineSubject): void {
  const scene = scenes(subject);

  scene('the next chunk waits for the promise of the last one, which stays unchanged', async (stage) => {
    const sent = Array.from({ length: 20 }, () => someBytes(3 * KIB));
    const received = new Map<Connection, Buffer[]>();
    const running = new Set<Connection>();
    const server = await stage.listen({
      async data(connection, chunk) {
        assert(!running.has(connection), 'two calls for one connection');
        running.add(connection);
        const before = Buffer.from(chunk);
        await aWhile();
        assert.deepEqual(chunk, before);
        received.set(connection, [...(received.get(connection) ?? []), before]);
        running.delete(connection);
      },
      end: (connection) => assert(!running.has(connection), 'the end waits as well'),
    });
    const peers = await Promise.all(Array.from({ length: 8 }, () => stage.peer(server)));
    for (const piece of sent) {
      for (const { socket } of peers) {
        socket.write(piece);
      }
      await nextIteration();
    }
    peers.forEach(({ socket }) => socket.end());
    await eventually(() => server.connectionsCount === 0, 'all ends');
    assert.deepEqual(new Set(stage.history.reasons), new Set(['finished']));
    for (const pieces of received.values()) {
      assert.deepEqual(Buffer.concat(pieces), Buffer.concat(sent));
    }
    assert.equal(stage.engine.core.port.statistics().buffersLent, 0);
  });

  scene('a chunk written after an await is sent unchanged', async (stage) => {
    const server = await stage.listen({
      async data(connection, chunk) {
        await nextIteration();
        connection.write(chunk);
      },
    });
    const sent = someBytes(512 * KIB);
    const peer = await stage.peer(server);
    const others = await Promise.all(Array.from({ length: 4 }, () => stage.peer(server)));
    peer.socket.write(sent);
    others.forEach(({ socket }) => socket.write(countingBytes(100 * KIB)));
    await eventually(() => peer.bytes === sent.length, 'the echo');
    assert.deepEqual(peer.data, sent);
    await eventually(() => others.every(({ bytes }) => bytes === 100 * KIB), 'the other echoes');
    for (const other of others) {
      assert.deepEqual(other.data, countingBytes(100 * KIB));
    }
  });

  scene('a rejected promise closes its connection before anything else is delivered', async (stage) => {
    const gate = new Gate();
    let calls = 0;
    const { connection, peer } = await stage.pair({
      async data() {
        calls++;
        await gate.wait();
        throw new Error('Too late');
      },
    });
    peer.socket.write('one');
    await eventually(() => gate.count === 1, 'the handler');
    peer.socket.write('two');
    await aWhile();
    gate.open();
    await eventually(() => connection.isClosed, 'the close');
    assert.deepEqual([calls, stage.history.of(connection).reason], [1, 'handler_error']);
  });

  scene('a pending promise does not delay a close, and its chunk stays intact after it', async (stage) => {
    const gate = new Gate();
    let whole = false;
    const { connection, peer } = await stage.pair({
      async data(_, chunk) {
        const before = Buffer.from(chunk);
        await gate.wait();
        whole = before.equals(chunk);
      },
    });
    peer.socket.write(someBytes(2 * KIB));
    await eventually(() => gate.count > 0, 'the handler');
    peer.socket.write('more');
    await aWhile();
    connection.destroy();
    await eventually(() => connection.isClosed, 'the close');
    assert.equal(stage.engine.core.port.statistics().buffersLent, 1);
    gate.open();
    await eventually(() => whole, 'the bytes');
    await eventually(() => stage.engine.core.port.statistics().buffersLent === 0, 'the buffer comes back');
  });

  scene('a connection may be paused, and the engine closed, while a promise is pending', async (stage) => {
    const gate = new Gate();
    const pieces: string[] = [];
    const { connection, peer } = await stage.pair({
      async data(connection, chunk) {
        pieces.push(String(chunk));
        connection.pause();
        await gate.wait();
      },
    });
    peer.socket.write('1');
    await eventually(() => gate.count === 1, 'the handler');
    assert.equal(connection.paused, true);
    connection.resume();
    assert.equal(connection.paused, false);
    peer.socket.write('2');
    await aWhile();
    assert.deepEqual(pieces, ['1'], 'resuming does not overtake the handler');
    gate.open();
    await eventually(() => pieces.length === 2, 'the second');
    gate.open();
    peer.socket.write('3');
    await aWhile();
    assert.equal(connection.paused, true);
    assert.deepEqual(pieces, ['1', '2'], 'a settled promise does not resume');
    connection.resume();
    await eventually(() => pieces.length === 3, 'the third');
    stage.engine.close();
    gate.open();
    await eventually(() => stage.engine.core.port.statistics().buffersLent === 0, 'the buffer comes back');
  });
}

function ends(subject: EngineSubject): void {
  const scene = scenes(subject);

  scene('our side ends after the promise of the end handler', async (stage) => {
    const gate = new Gate();
    const { connection, peer } = await stage.pair({
      async end(connection) {
        await gate.wait();
        connection.write('an answer');
      },
    });
    peer.socket.end('a question');
    connection.resume();
    await eventually(() => gate.count === 1, 'the handler');
    await aWhile();
    assert.equal(connection.writable, true);
    gate.open();
    await eventually(() => connection.isClosed && peer.ended, 'the end');
    assert.deepEqual([stage.history.of(connection).reason, String(peer.data)], ['finished', 'an answer']);
  });

  scene('a closing server lets a pending handler write its answer', async (stage) => {
    const gate = new Gate();
    const { server, peer } = await stage.pair({
      async data(connection) {
        await gate.wait();
        connection.write('an answer');
      },
    });
    peer.socket.write('?');
    await eventually(() => gate.count === 1, 'the handler');
    const closed = server.close();
    await aWhile();
    assert.equal(peer.ended, false);
    gate.open();
    await eventually(() => peer.ended, 'our end');
    assert.equal(String(peer.data), 'an answer');
    peer.socket.end();
    await closed;
  });

  scene('data does not wait for the promise of open', async (stage) => {
    const gate = new Gate();
    let data = '';
    const { connection, peer } = await stage.pair({
      async open(connection) {
        for await (const chunk of connection) {
          data += String(chunk);
        }
        await gate.wait();
      },
    });
    peer.socket.end('in a loop');
    await eventually(() => connection.isClosed, 'the end');
    assert.equal(data, 'in a loop');
    gate.open();
  });
}

function shortPool(subject: EngineSubject): void {
  const scene = scenes(subject);

  for (const bufferCount of [1, 4]) {
    scene(
      `handlers that wait for each other do not starve with ${bufferCount} receive buffers`,
      async (stage) => {
        const CLIENTS = 24;
        // Each handler asks another server of the same engine, whose answer needs a buffer too.
        const answering = await stage.listen({ data: (connection, chunk) => connection.write(chunk) });
        let wrong = 0;
        const server = await stage.listen({
          async data(connection, chunk) {
            const before = Buffer.from(chunk);
            const answer = await new Promise<Buffer>((resolve, reject) => {
              stage
                .connect({
                  port: portOf(answering),
                  data(client, bytes) {
                    resolve(Buffer.from(bytes));
                    client.destroy();
                  },
                })
                .then((client) => client.write(chunk), reject);
            });
            wrong += before.equals(chunk) && before.equals(answer) ? 0 : 1;
            connection.write(answer);
          },
        });
        const peers = await Promise.all(Array.from({ length: CLIENTS }, () => stage.peer(server)));
        for (let round = 1; round <= 3; round++) {
          peers.forEach(({ socket }, index) => socket.write(Buffer.from([index + round])));
          await eventually(() => peers.every(({ bytes }) => bytes === round), `round ${round}`);
        }
        for (const [index, peer] of peers.entries()) {
          assert.deepEqual(
            [...peer.data],
            [1, 2, 3].map((round) => index + round),
          );
        }
        assert.equal(wrong, 0);
      },
      { engine: { bufferCount, bufferSizeBytes: 4096 } },
    );
  }

  scene(
    'slow handlers keep only buffers that the pool can spare, so others are served',
    async (stage) => {
      const gate = new Gate();
      const slow = await stage.listen({ data: () => gate.wait() });
      const quick = await stage.listen({ data: (connection, chunk) => connection.write(chunk) });
      const peers = await Promise.all(Array.from({ length: 40 }, () => stage.peer(slow)));
      peers.forEach(({ socket }) => socket.write('s'));
      await eventually(() => gate.count === peers.length, 'all slow handlers');
      const { buffersLent } = stage.engine.core.port.statistics();
      assert(buffersLent > 0 && buffersLent < 16, `${buffersLent} buffers are lent`);
      const peer = await stage.peer(quick);
      peer.socket.write('q');
      await eventually(() => peer.bytes === 1, 'the echo');
      gate.open();
      await eventually(() => stage.engine.core.port.statistics().buffersLent === 0, 'the buffers come back');
    },
    { engine: { bufferCount: 16, bufferSizeBytes: 4096 } },
  );
}

function wholeMessages(subject: EngineSubject): void {
  const scene = scenes(subject);

  scene('a message waits for the promise of the message before it, in one chunk or many', async (stage) => {
    const sizes = Array.from({ length: 60 }, (_, index) => (index % 7 === 0 ? 9000 : index));
    const got: Buffer[] = [];
    let running = 0;
    const server = await stage.listen<unknown>({
      framing: lengthPrefixed(),
      async message(_: unknown, message: Buffer) {
        assert.equal(++running, 1);
        const before = Buffer.from(message);
        await nextIteration();
        await nextIteration();
        assert.deepEqual(message, before);
        got.push(before);
        running--;
      },
    } as never);
    const client = await stage.connect({ port: portOf(server), framing: lengthPrefixed() });
    for (const size of sizes) {
      client.sendMessage(countingBytes(size));
    }
    client.end();
    await eventually(() => client.isClosed, 'the end');
    assert.deepEqual(
      got.map((message) => message.length),
      sizes,
    );
    for (const message of got) {
      assert.deepEqual(message, countingBytes(message.length));
    }
  });

  scene('a peer is neither pinged nor closed for its silence while a handler works on its message', async (stage) => {
    const gate = new Gate();
    let pings = 0;
    const server = await stage.listen<unknown>({
      framing: delimited(),
      heartbeat: {
        intervalMs: 40,
        missedMax: 1,
        ping: () => {
          pings++;
          return 'ping';
        },
      },
      message: () => gate.wait(),
    } as never);
    const peer = await stage.peer(server);
    peer.socket.write('a message\n');
    await eventually(() => gate.count === 1, 'the handler');
    const [connection] = server.connections();
    const { wheel } = stage.engine.core;
    const until = wheel.tick + 10;
    await eventually(() => {
      wheel.look();
      return wheel.tick >= until;
    }, 'several intervals');
    assert.deepEqual([pings, connection?.closing], [0, false]);
    gate.open();
    await eventually(() => pings > 0, 'a ping after the handler');
  });
}

export function asyncHandlers(subject: EngineSubject): void {
  bytes(subject);
  ends(subject);
  shortPool(subject);
  wholeMessages(subject);
}
