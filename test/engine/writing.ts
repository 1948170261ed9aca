/** Writing: backpressure, its hard limits, and writes that are too late. */

import assert from 'node:assert/strict';
import { setTimeout as after } from 'node:timers/promises';
import type { Connection } from 'overlapped';
import { countingBytes, eventually, sha256, someBytes } from '../support/harness.js';
import type { PeerClient } from '../support/peer-client.js';
import { system } from '../support/system.js';
import { type EngineSubject, portOf, scenes } from './subject.js';

const KIB = 1024;
const MIB = 1024 * 1024;
/** Less where each call is a request to Wine's server. */
const LARGE_BYTES = system.patience > 1 ? 4 * MIB : 50 * MIB;
/** Connections that are written to in one round. */
const PEERS = 12;
/** More than shares a block, and no more than is copied. */
const LARGER_BYTES = 5000;
/** A simulated network moves them itself. */
const SIMULATED_BYTES = 10 * MIB;

export function writing(subject: EngineSubject): void {
  const scene = scenes(subject);

  scene('write returns false above the high-water mark, and drain is emitted once at half of it', async (stage) => {
    let drains = 0;
    const { connection, peer } = await stage.pair({
      limits: { highWaterMarkBytes: 64 * KIB },
      drain(connection) {
        drains++;
        assert(connection.queuedBytes <= 32 * KIB);
      },
    });
    peer.socket.pause();
    const piece = countingBytes(64 * KIB);
    assert.equal(connection.write(piece), true, 'at the mark');
    assert.equal(connection.write('x'), false, 'above it');
    for (let count = 1; count < 180; count++) {
      assert.equal(connection.write(piece), false);
    }
    assert.equal(stage.engine.queuedBytes, connection.queuedBytes);
    await after(100);
    assert.equal(drains, 0);
    peer.socket.resume();
    const total = 180 * piece.byteLength + 1;
    await eventually(() => peer.bytes === total && connection.queuedBytes === 0, 'all of it');
    assert.equal(drains, 1);
    assert.equal(connection.bytesWritten, total);
  });

  scene(
    'large writes to a slow reader arrive complete with bounded memory',
    async (stage) => {
      const total = subject.network === undefined ? LARGE_BYTES : SIMULATED_BYTES;
      const data = someBytes(MIB);
      let written = 0;
      let most = 0;
      const more = (connection: Connection): void => {
        while (written < total) {
          const offset = written % data.byteLength;
          const piece = data.subarray(offset, offset + 48 * KIB);
          written += piece.byteLength;
          const goOn = connection.write(piece);
          most = Math.max(most, connection.queuedBytes);
          if (!goOn) {
            return;
          }
        }
        connection.end();
      };
      const { peer } = await stage.pair({ open: more, drain: more });
      const slow = setInterval(() => {
        peer.socket.pause();
        setTimeout(() => peer.socket.resume(), 3);
      }, 10);
      await eventually(() => peer.ended, 'the end', 60_000);
      clearInterval(slow);
      assert.equal(peer.bytes, written);
      assert(peer.data.subarray(0, MIB).equals(data), 'the beginning is in order');
      const last = peer.data.subarray(written - (written % MIB));
      assert(last.equals(data.subarray(0, last.byteLength)), 'the end is in order');
      assert(most <= 512 * KIB + 48 * KIB, `${most} bytes waited at most`);
    },
    { timeoutMs: 60_000 },
  );

  scene(
    'small bytes of many connections share memory during a round, and leave as they were written',
    async (stage) => {
      const { engine } = stage;
      const server = await stage.listen({ data: () => undefined });
      const peers: PeerClient[] = [];
      for (let count = 0; count < PEERS; count++) {
        peers.push(await stage.peer(server));
      }
      await eventually(() => server.connectionsCount === PEERS, 'the connections');
      const connections = [...server.connections()];
      const before = engine.core.writes.blocksHeld;
      const writeAll = (text: string): void => {
        for (const [index, connection] of connections.entries()) {
          connection.write(`${text}${index},`);
          connection.write(Buffer.from(`${text}${index};`));
        }
      };
      writeAll('first');
      assert.equal(engine.core.writes.blocksHeld, before + 1);
      // All but the last follow bytes of another connection: each gets a block of its own, with all of its bytes.
      writeAll('second');
      assert.equal(engine.core.writes.blocksHeld, before + PEERS);
      for (const [index, connection] of connections.entries()) {
        connection.write(Buffer.alloc(LARGER_BYTES, `${index}`));
      }
      const expected = connections.map(
        (_, index) =>
          `first${index},first${index};second${index},second${index};${`${index}`.repeat(LARGER_BYTES).slice(0, LARGER_BYTES)}`,
      );
      await eventually(() => engine.queuedBytes === 0 && peers.every(({ bytes }) => bytes > LARGER_BYTES), 'all of it');
      assert.deepEqual(peers.map(({ data }) => data.toString()).sort(), expected.sort());
      assert.equal(engine.core.writes.blocksHeld, before);
    },
  );

  scene('end sends the written bytes first, and its own data last', async (stage) => {
    const { connection, peer } = await stage.pair();
    const data = someBytes(3 * MIB);
    connection.write(data);
    connection.end('last words');
    assert.equal(connection.writable, false);
    await eventually(() => peer.ended, 'the end');
    assert.equal(sha256(peer.data), sha256(Buffer.concat([data, Buffer.from('last words')])));
    peer.socket.end();
    await eventually(() => stage.history.complete, 'the close');
    assert.deepEqual(stage.history.reasons, ['finished']);
  });

  scene('write throws after end, and drops its bytes after destroy', async (stage) => {
    const { connection, peer } = await stage.pair();
    connection.end();
    assert.throws(() => connection.write('late'), { code: 'ERR_STREAM_WRITE_AFTER_END' });
    connection.end();
    connection.destroy();
    assert.equal(connection.write('later'), false);
    assert.deepEqual([connection.closing, connection.readable, connection.writable], [true, false, false]);
    await eventually(() => connection.isClosed, 'the close');
    assert.equal(connection.write('too late'), false);
    connection.end('nothing');
    connection.reset();
    connection.pause();
    connection.resume();
    connection.setDeadline(10);
    await eventually(() => peer.ended || peer.closed, 'the end');
    assert.equal(peer.bytes, 0);
  });

  scene('only bytes and text can be written', async (stage) => {
    const { connection, peer } = await stage.pair();
    for (const wrong of [undefined, null, 5, {}, [1, 2], new ArrayBuffer(3), new Uint16Array(2)]) {
      assert.throws(() => connection.write(wrong as never), { code: 'ERR_INVALID_ARG_TYPE' }, String(wrong));
    }
    assert.equal(connection.write(''), true);
    assert.equal(connection.write(new Uint8Array()), true);
    connection.end('good');
    await eventually(() => peer.ended, 'the end');
    assert.equal(peer.data.toString(), 'good');
  });

  scene('a connection with too many queued bytes is closed: write_queue_full', async (stage) => {
    const { server, connection, peer } = await stage.pair({ limits: { queuedBytesMax: MIB }, error: () => undefined });
    const other = await stage.peer(server);
    peer.socket.pause();
    const piece = someBytes(100 * KIB);
    for (let count = 0; count < 400 && !connection.closing; count++) {
      connection.write(piece);
      assert(connection.queuedBytes <= MIB);
      if (count % 10 === 9) {
        await after(1);
      }
    }
    await eventually(() => connection.isClosed, 'the close');
    const { reason, errors } = stage.history.of(connection);
    assert.equal(reason, 'write_queue_full');
    assert.equal((errors[0] as NodeJS.ErrnoException).code, 'ERR_WRITE_QUEUE_FULL');
    assert.match(String(errors[0]), /1048576 bytes/);
    const statistics = server.statistics();
    assert.equal(statistics.connections.closesByReason.write_queue_full, 1);
    assert.equal(statistics.errorsByCode.ERR_WRITE_QUEUE_FULL, 1);
    assert.equal(statistics.engine.queuedBytes, 0);
    assert.equal(server.connectionsCount, 1);
    const [live] = server.connections();
    live?.write('alive');
    await eventually(() => other.bytes === 5, 'the other is served');
    peer.socket.resume();
    // libuv reports a reset after unread bytes as an end.
    await eventually(() => peer.closed || peer.ended, 'the peer hears of it');
  });

  scene(
    "the high-water mark is lower while an eighth of the engine's cap is queued",
    async (stage) => {
      let drains = 0;
      const server = await stage.listen({ drain: () => drains++ });
      const peers = [await stage.peer(server), await stage.peer(server), await stage.peer(server)];
      await eventually(() => server.connectionsCount === 3, 'all are accepted');
      const [first, second, told] = server.connections() as Generator<Connection, never>;
      // In one round, in which nothing is sent.
      assert.equal(first?.write(someBytes(512 * KIB)), true, 'at the mark');
      assert.equal(second?.write(someBytes(512 * KIB)), true, 'where no more than an eighth waits');
      assert.equal(told?.write('x'), true);
      assert.equal(first?.write('x'), false, 'above it');
      assert.equal(second?.write(''), false, 'above the mark of an engine under pressure');
      assert.equal(told?.write(someBytes(64 * KIB - 1)), true, 'at that mark');
      assert.equal(told?.write('x'), false, 'above that mark');
      const wanted = [512 * KIB + 1, 512 * KIB, 64 * KIB + 1];
      await eventually(() => wanted.every((bytes, index) => peers[index]?.bytes === bytes), 'all of it');
      await eventually(() => drains === 3, 'each that was told to wait goes on');
    },
    { engine: { engineQueuedBytesMax: 8 * MIB } },
  );

  scene(
    'if all connections together queue too much, the one with the most is closed: engine_queue_full',
    async (stage) => {
      const server = await stage.listen({ error: () => undefined });
      const peers = [await stage.peer(server), await stage.peer(server), await stage.peer(server)];
      for (const { socket } of peers) {
        socket.pause();
      }
      await eventually(() => server.connectionsCount === 3, 'all are accepted');
      const [small, large, writer] = server.connections() as Generator<Connection, never>;
      // In one round, in which nothing is sent.
      small?.write(someBytes(MIB));
      large?.write(someBytes(2 * MIB));
      assert.equal(large?.closing, false);
      writer?.write(someBytes(1.5 * MIB));
      assert.deepEqual([small?.closing, large?.closing, writer?.closing], [false, true, false]);
      assert.equal(stage.engine.queuedBytes, 2.5 * MIB);
      writer?.write(someBytes(1 * MIB));
      writer?.write(someBytes(1 * MIB));
      assert.equal(writer?.closing, true);
      await eventually(() => server.connectionsCount === 1, 'the closes');
      assert.deepEqual(stage.history.reasons, [undefined, 'engine_queue_full', 'engine_queue_full']);
      assert.equal(server.statistics().connections.closesByReason.engine_queue_full, 2);
      peers[0]?.socket.resume();
      await eventually(() => peers[0]?.bytes === MIB, 'the one that is left is served');
      assert(portOf(server) > 0);
    },
    { engine: { engineQueuedBytesMax: 4 * MIB } },
  );
}
