/** Connections exchange bytes: those written on one side arrive on the other, complete and in order. */

import assert from 'node:assert/strict';
import type { Connection } from 'overlapped';
import { countingBytes, eventually, sha256, someBytes } from '../support/harness.js';
import { type EngineSubject, portOf, scenes } from './subject.js';

const echo = { data: (connection: Connection, chunk: Buffer) => connection.write(chunk) };

export function conversations(subject: EngineSubject): void {
  const scene = scenes(subject);

  scene('a message is echoed', async (stage) => {
    const { server, peer } = await stage.pair(echo);
    peer.socket.write('hello');
    await eventually(() => peer.bytes === 5, 'the echo');
    assert.equal(peer.data.toString(), 'hello');
    peer.socket.end();
    await eventually(() => peer.ended && server.connectionsCount === 0, 'the end');
    assert.deepEqual(stage.history.reasons, ['finished']);
  });

  scene('8 MB are echoed, in both directions at once', async (stage) => {
    const { server, peer } = await stage.pair({ ...echo, limits: { queuedBytesMax: 32 * 1024 * 1024 } });
    const data = someBytes(8_000_000);
    peer.socket.end(data);
    await eventually(() => peer.ended, 'the end');
    assert.equal(sha256(peer.data), sha256(data));
    await eventually(() => server.connectionsCount === 0, 'the close');
    const statistics = server.statistics();
    assert.equal(statistics.bytesRead, data.byteLength);
    assert.equal(statistics.bytesWritten, data.byteLength);
    assert.equal(statistics.engine.queuedBytes, 0);
  });

  scene('received bytes that are written again are sent from their receive buffer', async (stage) => {
    let lent = 0;
    const { peer } = await stage.pair({
      data(connection, chunk) {
        connection.write(chunk);
        assert.equal(stage.engine.core.port.isLent(chunk), true);
        lent = stage.engine.core.port.statistics().buffersLent;
        // The buffer has two holders now. What is filled in when it goes back must not be seen by the peer.
      },
    });
    peer.socket.write('not copied');
    await eventually(() => peer.bytes === 10, 'the echo');
    assert.equal(peer.data.toString(), 'not copied');
    assert(lent >= 1);
    await eventually(() => stage.engine.core.port.statistics().buffersLent === 0, 'the buffer goes back');
  });

  scene('text and bytes written in many pieces are sent in order, in one send', async (stage) => {
    const { connection, peer } = await stage.pair();
    const large = someBytes(5000);
    const before = stage.engine.core.counters.sendsPosted;
    const expected: Buffer[] = [];
    for (let index = 0; index < 30; index++) {
      const pieces = [
        `text ${index} äöü€😀 `,
        Buffer.from(`bytes ${index} `),
        index % 10 === 0 ? large : new Uint8Array(),
      ];
      for (const piece of pieces) {
        assert.equal(connection.write(piece), true);
        expected.push(Buffer.from(piece as string));
      }
    }
    const all = Buffer.concat(expected);
    assert.equal(connection.queuedBytes, all.byteLength);
    await eventually(() => peer.bytes === all.byteLength, 'all of it');
    assert.equal(sha256(peer.data), sha256(all));
    assert.equal(stage.engine.core.counters.sendsPosted, before + 1);
    assert.equal(connection.bytesWritten, all.byteLength);
    assert.equal(connection.queuedBytes, 0);
  });

  scene('what the drain handler writes leaves in one send with what was left', async (stage) => {
    const piece = someBytes(64 * 1024);
    let drains = 0;
    const { connection, peer } = await stage.pair({
      drain: (drained) => drains++ === 0 && drained.write(piece),
    });
    const before = stage.engine.core.counters.sendsPosted;
    let pieces = 1;
    while (connection.write(piece)) {
      pieces++;
    }
    assert.equal(pieces, 9, 'more than the high-water mark, which is the most bytes of one send');
    const byteLength = (pieces + 1) * piece.byteLength;
    await eventually(() => peer.bytes === byteLength, 'all of it');
    assert.equal(sha256(peer.data), sha256(Buffer.concat(Array.from({ length: pieces + 1 }, () => piece))));
    assert.equal(stage.engine.core.counters.sendsPosted, before + 2);
    assert.equal(drains, 1);
  });

  scene('client and server can share an engine', async (stage) => {
    const server = await stage.listen<number>({
      ...echo,
      open: (connection) => {
        connection.context = 7;
      },
    });
    const chunks: Buffer[] = [];
    const client = await stage.connect({
      port: portOf(server),
      context: 'mine',
      data: (_, chunk) => chunks.push(Buffer.from(chunk)),
    });
    assert.equal(client.context, 'mine');
    const data = countingBytes(200_000);
    client.write(data);
    await eventually(() => client.bytesRead === data.byteLength, 'the echo');
    assert.equal(sha256(Buffer.concat(chunks)), sha256(data));
    const [connection] = server.connections();
    assert.equal(connection?.context, 7);
    assert.deepEqual(connection?.remoteAddress, client.localAddress);
    assert.deepEqual(client.remoteAddress, connection?.localAddress);
    client.end();
    await eventually(() => stage.history.complete, 'both closes');
    assert.deepEqual(stage.history.reasons, ['finished', 'finished']);
  });

  scene(
    'servers and clients use Unix paths',
    async (stage) => {
      const path = `/tmp/overlapped-engine-${process.pid}-${subject.driver}`;
      const server = await stage.listen({ path, ...echo });
      assert.deepEqual(server.address, { family: 'unix', path });
      let back = '';
      const client = await stage.connect({
        path,
        data: (_, chunk) => {
          back += chunk;
        },
      });
      client.write('by path');
      await eventually(() => back === 'by path', 'the echo');
      client.end();
      await server.close();
      assert.equal(subject.peers.hasPath(path), false);
    },
    { needs: 'unixSockets' },
  );

  scene(
    'a server listens on IPv6 and IPv4 by default',
    async (stage) => {
      const server = await stage.listen({ host: undefined as never, ...echo });
      for (const host of ['127.0.0.1', '::1']) {
        let back = '';
        const client = await stage.connect({
          host,
          port: portOf(server),
          data: (_, chunk) => {
            back += chunk;
          },
        });
        client.write(host);
        await eventually(() => back === host, 'the echo');
        client.end();
      }
    },
    { needs: 'ipv6' },
  );

  scene('many connections are served at once', async (stage) => {
    const server = await stage.listen(echo);
    const count = 40 / (subject.driver === 'iocp' ? 2 : 1);
    await Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const pieces: Buffer[] = [];
        const data = someBytes(10_000 + index);
        const client = await stage.connect({
          port: portOf(server),
          data: (_connection, chunk) => pieces.push(Buffer.from(chunk)),
        });
        client.end(data);
        await eventually(() => client.isClosed, 'the close');
        assert.equal(sha256(Buffer.concat(pieces)), sha256(data));
      }),
    );
    await eventually(() => server.connectionsCount === 0, 'all are closed');
    const { connections, engine } = server.statistics();
    assert.deepEqual([connections.opened, connections.closed, connections.open], [count, count, 0]);
    assert.equal(connections.closesByReason.finished, count);
    assert.equal(engine.operationsPosted.connect, count);
    // The side that ends second closes at once.
    assert.equal(engine.operationsPosted.shutdown, count);
    assert.equal(stage.engine.core.clientCounters.closesByReason.finished, count);
    assert.equal(stage.engine.core.clientCounters.bytesRead, server.statistics().bytesWritten);
  });
}
