/** How connections end: by either side, at once or after the written bytes, in order or by a failure. */

import assert from 'node:assert/strict';
import { setTimeout as after } from 'node:timers/promises';
import type { Connection } from 'overlapped';
import { eventually, sha256, someBytes } from '../support/harness.js';
import type { PeerClient } from '../support/peer-client.js';
import { type EngineSubject, scenes } from './subject.js';

const MIB = 1024 * 1024;

export function ending(subject: EngineSubject): void {
  const scene = scenes(subject);

  scene('destroy closes at once, and the peer sees the end', async (stage) => {
    const { connection, peer, server } = await stage.pair({ error: () => undefined });
    connection.destroy();
    connection.destroy(new Error('Too late to matter'));
    assert.deepEqual(stage.history.of(connection).events, ['open'], 'close is never told from inside a call');
    await eventually(() => connection.isClosed && (peer.ended || peer.closed), 'the end');
    assert.deepEqual(stage.history.of(connection).events, ['open', 'close']);
    assert.equal(stage.history.of(connection).reason, 'destroyed');
    assert.equal(server.connectionsCount, 0);
  });

  scene('destroy with an error reports the error', async (stage) => {
    const { connection } = await stage.pair({ error: () => undefined });
    connection.destroy(new TypeError('The application does not like it'));
    await eventually(() => connection.isClosed, 'the close');
    const { events, errors, reason } = stage.history.of(connection);
    assert.deepEqual([events, reason], [['open', 'error', 'close'], 'destroyed']);
    assert.match(String(errors[0]), /does not like it/);
    assert.deepEqual(stage.thrown, []);
  });

  scene('the peer of a connection that resets sees ECONNRESET', async (stage) => {
    const { connection, peer } = await stage.pair();
    connection.write('dropped or not');
    connection.reset();
    await eventually(() => peer.closed, 'the end');
    assert.equal(peer.code, 'ECONNRESET');
    assert.deepEqual(stage.history.reasons, ['reset']);
  });

  scene("the peer's reset is an error, never an end", async (stage) => {
    const { connection, peer, server } = await stage.pair({ end: () => undefined, error: () => undefined });
    peer.socket.resetAndDestroy();
    await eventually(() => connection.isClosed, 'the close');
    const { events, errors, reason } = stage.history.of(connection);
    assert.deepEqual([events, reason], [['open', 'error', 'close'], 'peer_reset']);
    assert.equal((errors[0] as NodeJS.ErrnoException).code, 'ECONNRESET');
    assert.equal(server.statistics().errorsByCode.ECONNRESET, 1);
    assert.equal(server.statistics().connections.closesByReason.peer_reset, 1);
  });

  scene(
    'the end of a stream that arrives with its last bytes is noticed on Unix sockets too',
    async (stage) => {
      const path = `/tmp/overlapped-ending-${process.pid}-${subject.driver}`;
      const server = await stage.listen({ path, data: (connection, chunk) => connection.write(chunk) });
      for (const byteLength of [1, 1000, 60_000, 130_000]) {
        for (let round = 0; round < 5; round++) {
          const peer = await stage.peer(server);
          peer.socket.write('hello');
          await eventually(() => peer.bytes === 5, 'the echo');
          peer.socket.end(someBytes(byteLength));
          await eventually(() => peer.ended, `the end after ${byteLength} bytes`);
          assert.equal(peer.bytes, 5 + byteLength);
        }
      }
      await server.close();
    },
    { needs: 'unixSockets' },
  );

  scene('a connection destroyed during a write closes, even if its peer reads nothing', async (stage) => {
    const bytes = someBytes(12 * MIB);
    const endInRound = async (round: number): Promise<void> => {
      const server = await stage.listen({ error: () => undefined, allowHalfOpen: false });
      const peer = await stage.peer(server);
      peer.socket.pause();
      await eventually(() => server.connectionsCount === 1, 'it is accepted');
      const [connection] = server.connections();
      connection?.write(bytes);
      // Its end comes in between, so that the send has begun, or not, or has nearly stopped.
      peer.socket.end();
      await eventually(() => connection?.writable === false, 'our end');
      connection?.destroy();
      await eventually(() => connection?.isClosed === true, `the close in round ${round}`);
      peer.socket.destroy();
    };
    // Each round takes the linger time, a second, so several pass at once.
    for (let round = 0; round < 20; round += 5) {
      await Promise.all(Array.from({ length: 5 }, (_, index) => endInRound(round + index)));
    }
  });

  scene(
    'destroy drops bytes that it cannot send within the linger time, and resets',
    async (stage) => {
      // A second by default.
      const { connection, client } = await stage.ends();
      client.pause();
      connection.write(someBytes(12 * MIB));
      connection.destroy();
      await eventually(() => connection.isClosed, 'the close');
      assert.equal(stage.engine.queuedBytes, 0);
      client.resume();
      await eventually(() => client.isClosed, 'the end');
      assert(client.bytesRead < 12 * MIB);
      assert.deepEqual(stage.history.reasons.sort(), ['destroyed', 'peer_reset']);
    },
    { needs: 'resetRemembered' },
  );

  scene('destroy sends written bytes before it closes, also with an error', async (stage) => {
    for (const error of [undefined, new Error('Not understood')]) {
      const { connection, peer } = await stage.pair({ error: () => undefined });
      connection.write('400 ');
      connection.write(someBytes(100_000));
      connection.destroy(error);
      connection.destroy(new Error('Too late to matter'));
      assert.deepEqual([connection.closing, connection.readable, connection.writable], [true, false, false]);
      assert.equal(connection.write('dropped'), false);
      connection.setDeadline(1);
      await eventually(() => peer.ended && connection.isClosed, 'the end');
      assert.equal(peer.bytes, 100_004);
      const { errors, reason } = stage.history.of(connection);
      assert.deepEqual([errors, reason], [error === undefined ? [] : [error], 'destroyed']);
    }
  });

  scene('a destroyed connection that lingers reports its end, whatever ends it', async (stage) => {
    const problem = new Error('Not wanted');
    for (const end of [
      ({ connection }: { connection: Connection }) => connection.reset(),
      ({ peer }: { peer: PeerClient }) => peer.socket.resetAndDestroy(),
    ]) {
      const { connection, peer } = await stage.pair({ timeouts: { lingerMs: 60_000 }, error: () => undefined });
      peer.socket.pause();
      connection.write(someBytes(12 * MIB));
      await after(20);
      connection.destroy(problem);
      end({ connection, peer });
      await eventually(() => connection.isClosed, 'the close');
      const { errors, reason } = stage.history.of(connection);
      assert.deepEqual([errors, reason], [[problem], 'destroyed']);
    }
  });

  scene('with a linger time of 0, destroy resets the connection', async (stage) => {
    const { connection, peer } = await stage.pair({ timeouts: { lingerMs: 0 } });
    connection.destroy();
    await eventually(() => peer.closed, 'the end');
    assert.equal(peer.code, 'ECONNRESET');
    assert.deepEqual(stage.history.reasons, ['destroyed']);
  });

  scene('with a linger time, destroy goes on sending', async (stage) => {
    const { connection, peer } = await stage.pair({
      timeouts: { lingerMs: 10_000 },
      data: () => assert.fail('nothing is read'),
    });
    const data = someBytes(6 * MIB);
    peer.socket.pause();
    connection.write(data);
    connection.destroy();
    assert.deepEqual([connection.writable, connection.closing, connection.isClosed], [false, true, false]);
    peer.socket.write('more from the peer');
    await after(50);
    peer.socket.resume();
    await eventually(() => peer.bytes === data.byteLength, 'all of it');
    assert.equal(sha256(peer.data), sha256(data));
    await eventually(() => connection.isClosed, 'the close');
    assert.deepEqual(stage.history.reasons, ['destroyed']);
  });

  scene('a lingering connection closes when its linger time ends', async (stage) => {
    const { connection, peer } = await stage.pair({ timeouts: { lingerMs: 150 } });
    peer.socket.pause();
    connection.write(someBytes(12 * MIB));
    const began = performance.now();
    connection.destroy();
    await eventually(() => connection.isClosed, 'the close');
    assert(performance.now() - began >= 150);
    assert.deepEqual(stage.history.reasons, ['destroyed']);
  });

  scene("by default our side ends when the peer's does", async (stage) => {
    const { connection, peer } = await stage.pair({
      data: () => undefined,
      end: (connection) => assert.equal(connection.write('goodbye'), true),
    });
    peer.socket.end('hello');
    await eventually(() => peer.ended, 'the end');
    assert.equal(peer.data.toString(), 'goodbye');
    await eventually(() => connection.isClosed, 'the close');
    assert.deepEqual(stage.history.reasons, ['finished']);
  });

  scene('with allowHalfOpen our side stays open until the program ends it', async (stage) => {
    const { connection, peer } = await stage.pair({ allowHalfOpen: true, end: () => undefined });
    connection.resume();
    peer.socket.end('hello');
    await eventually(() => !connection.readable, "the peer's end");
    await after(50);
    assert.equal(connection.closing, false);
    const data = someBytes(MIB);
    connection.write(data);
    await eventually(() => peer.bytes === data.byteLength, 'all of it');
    assert.equal(peer.ended, false);
    connection.end();
    await eventually(() => peer.ended && connection.isClosed, 'the end');
    assert.deepEqual(stage.history.reasons, ['finished']);
  });

  scene('the peer may go on sending after our side has ended', async (stage) => {
    const received: Buffer[] = [];
    const { connection, peer } = await stage.pair({
      open: (connection) => connection.end('nothing more from here'),
      data: (_, chunk) => received.push(Buffer.from(chunk)),
    });
    await eventually(() => peer.ended, 'the end');
    const data = someBytes(MIB);
    peer.socket.end(data);
    await eventually(() => connection.isClosed, 'the close');
    assert.equal(sha256(Buffer.concat(received)), sha256(data));
    assert.equal(peer.data.toString(), 'nothing more from here');
    assert.deepEqual(stage.history.reasons, ['finished']);
  });

  for (const method of ['destroy', 'reset', 'end'] as const) {
    for (const event of ['open', 'data', 'drain', 'end'] as const) {
      scene(`calling ${method} in the ${event} handler closes the connection`, async (stage) => {
        const act = (connection: Connection): void => connection[method]();
        const { connection, peer } = await stage.pair({
          [event]: act,
          data:
            event === 'data'
              ? act
              : (connection) => void (connection.writable && connection.write(Buffer.alloc(600_000))),
          timeouts: { shutdownMs: 5000 },
        });
        peer.socket.write('hello');
        if (event !== 'end') {
          await eventually(() => !connection.writable, 'the handler');
        }
        peer.socket.end();
        await eventually(() => connection.isClosed && (peer.ended || peer.closed), 'the close');
        const expected = { destroy: 'destroyed', reset: 'reset', end: 'finished' }[method];
        assert.deepEqual(stage.history.reasons, [expected]);
      });
    }
  }
}
