/** TLS connections that talk: with node:tls on either side, with each other, whole and in pieces. */

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import type { Connection } from 'overlapped';
import { lengthPrefixed } from 'overlapped/framing';
import type { SystemDriverName } from 'overlapped/port';
import { authority, ofServer } from '../support/certificates.js';
import { eventually } from '../support/harness.js';
import { Relay, readAll, scenes } from './subject.js';

const MIB = 1024 * 1024;

function hash(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export function talking(driver: SystemDriverName): void {
  const scene = scenes(driver);

  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    scene(`a client of node:tls with ${version} gets back what it sends, and resumes its session`, async (stage) => {
      const server = await stage.listen();
      let session: Buffer | undefined;
      for (const resumed of [false, true]) {
        const socket = stage.client(server.port, {
          minVersion: version,
          maxVersion: version,
          ...(session === undefined ? {} : { session }),
        });
        socket.on('session', (ticket: Buffer) => {
          session = ticket;
        });
        await once(socket, 'secureConnect');
        assert.equal(socket.authorized, true);
        assert.equal(socket.isSessionReused(), resumed);
        assert.equal(socket.getProtocol(), version);
        const [connection] = server.connections();
        const bytes = randomBytes(300_000);
        socket.end(bytes);
        assert.equal(hash(await readAll(socket)), hash(bytes));
        assert.equal(connection?.tls?.resumed ?? resumed, resumed);
      }
      await eventually(() => stage.ends.length === 2, 'the ends');
      assert.deepEqual(stage.ends, [
        { reason: 'finished', code: undefined },
        { reason: 'finished', code: undefined },
      ]);
      assert.deepEqual(server.statistics().tls, {
        handshakes: 2,
        resumed: 1,
        failed: 0,
        failedByCode: {},
      });
    });

    scene(`a server of node:tls with ${version} gets back what it sends`, async (stage) => {
      const own = tls.createServer({ ...ofServer, minVersion: version, maxVersion: version }, (socket) => {
        socket.on('error', () => undefined);
        socket.pipe(socket);
      });
      const port = await stage.serve(own);
      const bytes = randomBytes(MIB);
      const chunks: Buffer[] = [];
      const client = await stage.connect({
        port,
        tls: { ca: authority.cert },
        data: (_, chunk) => {
          chunks.push(Buffer.from(chunk));
        },
      });
      assert.equal(client.tls?.protocol, version);
      assert.equal(client.tls?.authorized, true);
      assert.equal(client.tls?.peerCertificate?.subject, 'CN=localhost');
      client.write(bytes);
      client.end();
      assert.equal(await client.closed, 'finished');
      assert.equal(hash(Buffer.concat(chunks)), hash(bytes));
    });
  }

  scene('bytes in pieces of one are the same', async (stage) => {
    const server = await stage.listen();
    const relay = net.createServer({ allowHalfOpen: true }, (socket) => {
      const to = net.connect({ port: server.port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
      stage.sockets.add(to);
      to.on('error', () => undefined);
      socket.on('data', (chunk) => {
        for (const byte of chunk) {
          to.write(Buffer.from([byte]));
        }
      });
      socket.on('end', () => to.end());
      to.pipe(socket);
    });
    const socket = stage.client(await stage.serve(relay));
    const bytes = randomBytes(20_000);
    socket.end(bytes);
    assert.equal(hash(await readAll(socket)), hash(bytes));
  });

  scene('the end of a handshake, much data and the FIN may come at once', async (stage) => {
    const server = await stage.listen();
    const relay = net.createServer({ allowHalfOpen: true }, (socket) => {
      const to = net.connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true });
      stage.sockets.add(to);
      to.on('error', () => undefined);
      const later: Buffer[] = [];
      socket.once('data', (hello: Buffer) => {
        to.write(hello);
        socket.on('data', (chunk: Buffer) => later.push(chunk));
      });
      socket.on('end', () => to.end(Buffer.concat(later)));
      to.pipe(socket);
    });
    const port = await stage.serve(relay);
    const bytes = randomBytes(400_000);
    const socket = stage.client(port);
    socket.end(bytes);
    assert.equal(hash(await readAll(socket)), hash(bytes));
  });

  scene('messages, topics and text go over it', async (stage) => {
    const received: string[] = [];
    const server = await stage.listen({
      data: undefined,
      framing: lengthPrefixed(),
      open: (connection: Connection) => connection.subscribe('news'),
      message: (connection: Connection, message: unknown) => connection.sendMessage(message),
    } as object);
    const client = await stage.connect({
      port: server.port,
      tls: { ca: authority.cert },
      framing: lengthPrefixed(),
      message: (_: Connection, message: unknown) => {
        received.push(String(message));
      },
    } as never);
    client.sendMessage(Buffer.from('one'));
    client.sendMessage(Buffer.from('two'.repeat(20_000)));
    await eventually(() => received.length === 2, 'the messages');
    assert.equal(received[1], 'two'.repeat(20_000));
    assert.equal(server.publishMessage('news', Buffer.from('three')), 1);
    assert.equal(server.broadcastMessage(Buffer.from('four')), 1);
    await eventually(() => received.length === 4, 'what was published');
    assert.deepEqual(received.slice(2), ['three', 'four']);
    client.destroy();
    assert.equal(await client.closed, 'destroyed');
    await eventually(() => stage.ends.length === 1, 'the end');
    // destroy says goodbye first.
    assert.deepEqual(stage.ends, [{ reason: 'finished', code: undefined }]);
  });

  scene('small pieces of a round are one record, and pieces of any size stay in order', async (stage) => {
    const echoed: Buffer[] = [];
    const sizes = Array.from({ length: 40 }, (_, index) => (index % 9 === 8 ? 20_000 : 1 + ((index * 997) % 5000)));
    const small = Array.from({ length: 20 }, (_, index) => Buffer.alloc(40, index));
    const mixed = sizes.map((size, index) => Buffer.alloc(size, index));
    const pieces = [...small, ...mixed];
    let records = 0;
    const server = await stage.listen({
      data(connection, chunk) {
        // Bytes of a broadcast are no neighbours of the connection's own.
        const chosen = chunk.includes('small') ? small : mixed;
        chosen.forEach((piece, index) => {
          if (index % 2 === 0) {
            server.broadcast(piece);
          } else {
            connection.write(piece);
          }
        });
      },
    });
    const relay = new Relay(stage, server.port);
    const socket = stage.client(await stage.serve(relay.server));
    socket.on('data', (chunk: Buffer) => echoed.push(chunk));
    await once(socket, 'secureConnect');
    const received = (): number => echoed.reduce((sum, { length }) => sum + length, 0);
    const before = relay.fromServer.length;
    socket.write('small');
    await eventually(() => received() === 20 * 40, 'the small pieces');
    const bytes = Buffer.concat(relay.fromServer.slice(before));
    for (let at = 0; at < bytes.length; at += 5 + bytes.readUInt16BE(at + 3)) {
      records++;
    }
    socket.write('mixed');
    const wanted = Buffer.concat(pieces);
    await eventually(() => received() >= wanted.length, 'all pieces');
    assert(Buffer.concat(echoed).equals(wanted));
    // Session tickets may come with them.
    assert(records <= 3, `${records} records`);
  });

  scene('large writes stay where they are, and count until they are sent', async (stage) => {
    const bytes = randomBytes(12 * MIB);
    const server = await stage.listen({
      data: () => undefined,
      open: (connection) => {
        assert.equal(connection.write(bytes), false);
        assert.equal(connection.queuedBytes, bytes.length);
        connection.end();
      },
    });
    const socket = stage.client(server.port);
    const got = await readAll(socket);
    socket.end();
    assert.equal(hash(got), hash(bytes));
    await eventually(() => stage.ends.length === 1, 'the end');
    assert.equal(server.statistics().bytesWritten, bytes.length);
  });

  scene('a paused connection holds data, and a stream reads it', async (stage) => {
    let connection: Connection | undefined;
    const server = await stage.listen({
      data: undefined,
      open: (opened: Connection) => {
        connection = opened;
      },
    } as object);
    const socket = stage.client(server.port);
    const bytes = randomBytes(2 * MIB);
    socket.end(bytes);
    await eventually(() => connection !== undefined, 'the connection');
    const chunks: Buffer[] = [];
    for await (const chunk of connection as Connection) {
      chunks.push(chunk);
    }
    assert.equal(hash(Buffer.concat(chunks)), hash(bytes));
  });

  scene('an async handler gets its chunks one after the other, whole', async (stage) => {
    const chunks: Buffer[] = [];
    const server = await stage.listen({
      data: async (_, chunk) => {
        const before = hash(chunk);
        await new Promise((resolve) => setImmediate(resolve));
        assert.equal(hash(chunk), before);
        chunks.push(Buffer.from(chunk));
      },
    });
    const bytes = randomBytes(MIB);
    const socket = stage.client(server.port);
    socket.end(bytes);
    await readAll(socket);
    assert.equal(hash(Buffer.concat(chunks)), hash(bytes));
    assert.deepEqual(stage.thrown, []);
  });

  scene('many connections at once have their own bytes', async (stage) => {
    const server = await stage.listen();
    const clients = Array.from({ length: 40 }, async (_, index) => {
      const bytes = Buffer.alloc(50_000 + index, index + 1);
      const socket = stage.client(server.port);
      socket.end(bytes);
      assert.equal(hash(await readAll(socket)), hash(bytes));
    });
    await Promise.all(clients);
    assert.equal(server.statistics().tls.handshakes, 40);
  });

  scene('ALPNCallback chooses among names of any bytes', async (stage) => {
    const server = await stage.listen({ tls: { ALPNCallback: ({ protocols }) => protocols[0] } });
    for (const length of [1, 200, 255]) {
      const name = Buffer.alloc(length, 0xe9);
      const socket = stage.client(server.port, { ALPNProtocols: Buffer.concat([Buffer.of(length), name]) });
      await once(socket, 'secureConnect');
      assert.equal(socket.alpnProtocol, name.toString('latin1'));
      socket.destroy();
    }
  });
}
