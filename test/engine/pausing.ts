/** Pausing: held bytes are bounded; and the share of one connection in a round. */

import assert from 'node:assert/strict';
import { setTimeout as after } from 'node:timers/promises';
import type { Connection } from 'overlapped';
import { countingBytes, eventually, sha256, someBytes } from '../support/harness.js';
import { type EngineSubject, portOf, scenes } from './subject.js';

const MIB = 1024 * 1024;

export function pausing(subject: EngineSubject): void {
  const scene = scenes(subject);

  scene('a paused connection holds only a few receive buffers and loses nothing', async (stage) => {
    const pieces: Buffer[] = [];
    const { connection, peer } = await stage.pair({
      data(connection, chunk) {
        pieces.push(Buffer.from(chunk));
        if (pieces.length === 1) {
          connection.pause();
        }
      },
    });
    const data = someBytes(16 * MIB);
    peer.socket.end(data);
    await eventually(() => pieces.length === 1, 'the first piece');
    await after(150);
    assert.equal(pieces.length, 1);
    assert.equal(connection.paused, true);
    const { buffersLent } = stage.engine.core.port.statistics();
    assert(buffersLent <= 64, `${buffersLent} buffers are lent`);
    assert((peer.socket as unknown as { writableLength: number }).writableLength > 0, 'the peer is held up');
    connection.resume();
    await eventually(() => connection.isClosed, 'the end');
    assert.equal(sha256(Buffer.concat(pieces)), sha256(data));
    assert.equal(connection.bytesRead, data.byteLength);
  });

  scene('a connection paused at every message loses nothing', async (stage) => {
    const pieces: Buffer[] = [];
    const { connection, peer } = await stage.pair({
      data(connection, chunk) {
        pieces.push(Buffer.from(chunk));
        connection.pause();
        setImmediate(() => connection.resume());
      },
    });
    const data = countingBytes(MIB);
    peer.socket.end(data);
    await eventually(() => connection.isClosed, 'the end');
    assert.equal(sha256(Buffer.concat(pieces)), sha256(data));
  });

  scene('a connection paused in open delivers neither data nor the end until it is resumed', async (stage) => {
    const { connection, peer } = await stage.pair({
      open: (connection) => connection.pause(),
      data: () => undefined,
      end: () => undefined,
    });
    peer.socket.end('hello');
    await after(50);
    assert.deepEqual(stage.history.of(connection).events, ['open']);
    connection.resume();
    connection.pause();
    connection.resume();
    await eventually(() => connection.isClosed, 'the close');
    assert.deepEqual(stage.history.of(connection).events, ['open', 'data', 'end', 'close']);
  });

  scene('the end waits too if a connection is paused in data', async (stage) => {
    const { connection, peer } = await stage.pair({
      data: (connection) => connection.bytesRead === 5 && connection.pause(),
      end: () => undefined,
    });
    peer.socket.end('hello');
    await eventually(() => connection.paused, 'the data');
    await after(50);
    assert.deepEqual(stage.history.of(connection).events, ['open', 'data']);
    connection.resume();
    await eventually(() => connection.isClosed, 'the close');
    assert.deepEqual(stage.history.of(connection).events, ['open', 'data', 'end', 'close']);
  });

  scene('a connection without a data handler holds its data until it is resumed', async (stage) => {
    const { connection, peer } = await stage.pair({ end: () => undefined });
    peer.socket.end(someBytes(MIB));
    await after(50);
    assert.deepEqual(stage.history.of(connection).events, ['open']);
    assert(stage.engine.core.port.statistics().buffersLent <= 64);
    connection.resume();
    await eventually(() => connection.isClosed, 'the close');
    assert.equal(connection.bytesRead, MIB, 'read, and dropped');
  });

  scene(
    "a connection without a data handler emits the peer's end if no data came before it",
    async (stage) => {
      const { connection, peer } = await stage.pair({ open: (connection) => connection.end('the time') });
      peer.socket.end();
      await eventually(() => connection.isClosed && peer.ended, 'the close');
      assert.deepEqual(stage.history.reasons, ['finished']);
      assert.equal(peer.data.toString(), 'the time');
    },
    { needs: 'sendsAfterEnd' },
  );

  scene('a connection without a data handler notices a reset', async (stage) => {
    const { connection, peer } = await stage.pair({});
    peer.socket.resetAndDestroy();
    await eventually(() => connection.isClosed, 'the close');
    assert.deepEqual(stage.history.reasons, ['peer_reset']);
  });

  scene(
    'paused connections do not exhaust the pool for the others',
    async (stage) => {
      const stuck = await stage.listen({
        open: (connection) => void after(1).then(() => connection.pause()),
        data: (connection) => connection.pause(),
      });
      const clients = await Promise.all(
        Array.from({ length: 12 }, () => stage.connect({ port: portOf(stuck), data: () => undefined })),
      );
      for (const client of clients) {
        client.write(someBytes(20_000));
      }
      await after(100);
      const lent = stage.engine.core.port.statistics().buffersLent;
      assert(lent <= 8, `${lent} of 8 buffers`);
      const { connection, peer } = await stage.pair({ data: (connection, chunk) => connection.write(chunk) });
      const data = someBytes(200_000);
      peer.socket.end(data);
      await eventually(() => connection.isClosed && peer.ended, 'the echo');
      assert.equal(sha256(peer.data), sha256(data));
    },
    { engine: { bufferCount: 8, bufferSizeBytes: 4096 } },
  );

  scene('a connection that floods gets only its share of a round', async (stage) => {
    const roundBytesMax = 40_000;
    let turn = -1;
    let bytes = 0;
    let most = 0;
    let flooded: Connection | undefined;
    const server = await stage.listen({
      limits: { roundBytesMax },
      data(connection, chunk) {
        flooded ??= connection;
        if (connection !== flooded) {
          connection.write(chunk);
          return;
        }
        if (turn !== stage.engine.core.scheduler.round) {
          turn = stage.engine.core.scheduler.round;
          bytes = 0;
        }
        bytes += chunk.byteLength;
        most = Math.max(most, bytes);
      },
    });
    const flood = await stage.connect({ port: portOf(server) });
    const piece = someBytes(MIB);
    flood.write(piece);
    await eventually(() => flooded !== undefined, 'the flood');
    const other = await stage.connect({ port: portOf(server), data: () => undefined });
    for (let round = 1; round <= 15; round++) {
      flood.write(piece);
      other.write('ping');
      await eventually(() => other.bytesRead === 4 * round, `echo ${round}`);
    }
    flood.end();
    await eventually(() => flooded?.isClosed === true, 'all of the flood', 15_000);
    assert.equal(flooded?.bytesRead, 16 * MIB);
    assert(most <= roundBytesMax + 65_536, `${most} bytes in one turn`);
  });
}
