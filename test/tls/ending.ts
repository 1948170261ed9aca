/** How TLS connections end, and what is no TLS at all. */

import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import net from 'node:net';
import type tls from 'node:tls';
import type { Connection, ConnectionFailed } from 'overlapped';
import type { SystemDriverName } from 'overlapped/port';
import { liveSessions } from '../../src/tls/session.js';
import { authority } from '../support/certificates.js';
import { eventually } from '../support/harness.js';
import { closed, errorOf, Relay, readAll, scenes, type TlsStage } from './subject.js';

/** The bytes that a client of node:tls begins with. */
async function clientHello(stage: TlsStage): Promise<Buffer> {
  const sink = net.createServer();
  const port = await stage.serve(sink);
  const accepted = once(sink, 'connection');
  const client = stage.client(port);
  const [socket] = (await accepted) as [net.Socket];
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  client.destroy();
  return bytes;
}

async function failures(
  server: { statistics(): { errorsByCode: object } },
  count: number,
): Promise<Record<string, number>> {
  const sum = (): number =>
    Object.values(server.statistics().errorsByCode as Record<string, number>).reduce((all, one) => all + one, 0);
  await eventually(() => sum() >= count, `${count} failures`);
  return server.statistics().errorsByCode as Record<string, number>;
}

export function ending(driver: SystemDriverName): void {
  const scene = scenes(driver);

  scene('an end without close_notify is an error', async (stage) => {
    const server = await stage.listen();
    const relay = new Relay(stage, server.port);
    await once(stage.client(await stage.serve(relay.server)), 'secureConnect');
    await eventually(() => [...server.connections()].length === 1, 'the connection');
    relay.toServer[0]?.end();
    await eventually(() => stage.ends.length === 1, 'the end');
    assert.deepEqual(stage.ends, [{ reason: 'tls_error', code: 'ERR_TLS_TRUNCATED' }]);
  });

  scene('a peer that sends close_notify and is gone at once has ended cleanly', async (stage) => {
    const server = await stage.listen();
    const relay = new Relay(stage, server.port);
    const secure = stage.client(await stage.serve(relay.server));
    await once(secure, 'secureConnect');
    secure.write('hello');
    await once(secure, 'data');
    relay.change = () => setImmediate(() => relay.toServer[0]?.resetAndDestroy());
    secure.end();
    await eventually(() => stage.ends.length === 1, 'the end');
    assert.deepEqual(stage.ends, [{ reason: 'finished', code: undefined }]);
    assert.deepEqual(server.statistics().errorsByCode, {});
  });

  scene('what a peer that is gone has missed is an error, also after its close_notify', async (stage) => {
    const server = await stage.listen({ allowHalfOpen: true });
    const relay = new Relay(stage, server.port);
    const secure = stage.client(await stage.serve(relay.server));
    await once(secure, 'secureConnect');
    const [connection] = [...server.connections()];
    const [toServer] = relay.toServer;
    const gone = once(toServer as net.Socket, 'close');
    relay.change = () => setImmediate(() => toServer?.resetAndDestroy());
    secure.end();
    await gone;
    connection?.end('too late');
    await eventually(() => stage.ends.length === 1, 'the end');
    assert.match(stage.ends[0]?.code ?? '', /^(?:EPIPE|ECONNRESET)$/);
  });

  scene('an end is close_notify, then the FIN, and the peer may still send', async (stage) => {
    const received: Buffer[] = [];
    const server = await stage.listen({
      allowHalfOpen: true,
      open: (connection) => connection.end('bye'),
      data: (_, chunk) => {
        received.push(Buffer.from(chunk));
      },
    });
    const secure = stage.client(server.port, { allowHalfOpen: true } as tls.ConnectionOptions);
    const ended = once(secure, 'end');
    secure.resume();
    await ended;
    secure.end('late');
    await eventually(() => stage.ends.length === 1, 'the end');
    assert.equal(String(Buffer.concat(received)), 'late');
    assert.deepEqual(stage.ends, [{ reason: 'finished', code: undefined }]);
  });

  scene('a socket that is destroyed sends close_notify', async (stage) => {
    let ended = 0;
    const server = await stage.listen({
      end: () => {
        ended++;
      },
    });
    const client = await stage.connect({ port: server.port, tls: { ca: authority.cert } });
    const socket = client.toDuplex();
    socket.write('the last');
    await once(socket, 'data');
    socket.destroy();
    await eventually(() => stage.ends.length === 1, 'the end');
    assert.equal(ended, 1);
  });

  scene(
    'plain HTTP on the port of TLS is refused with its reason, which the diagnostics channel has',
    async (stage) => {
      const failed: unknown[] = [];
      const hear = (message: unknown): void => {
        const { connection, error } = message as ConnectionFailed;
        failed.push([connection.remoteAddress?.family, (error as NodeJS.ErrnoException).code]);
      };
      subscribe('overlapped:connection:error', hear);
      const server = await stage.listen();
      const socket = await stage.socket(server.port);
      socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
      await readAll(socket);
      assert.deepEqual(await failures(server, 1), { ERR_SSL_HTTP_REQUEST: 1 });
      unsubscribe('overlapped:connection:error', hear);
      assert.deepEqual(failed, [['ipv4', 'ERR_SSL_HTTP_REQUEST']]);
      assert.equal(server.statistics().connections.closesByReason.tls_error, 1);
      const failedByCode = { ERR_SSL_HTTP_REQUEST: 1 };
      assert.deepEqual(server.statistics().tls, { handshakes: 0, resumed: 0, failed: 1, failedByCode });
      assert.deepEqual(stage.ends, []);
    },
  );

  scene('each byte of a ClientHello that is changed, cut or repeated ends with a reason', async (stage) => {
    const hello = await clientHello(stage);
    const server = await stage.listen({ tls: { handshakeTimeoutMs: 0 } });
    let count = 0;
    for (let at = 0; at < hello.length; at += 7) {
      const flipped = Buffer.from(hello);
      flipped[at] = (flipped[at] as number) ^ 0x55;
      const repeated = Buffer.concat([hello.subarray(0, at), hello.subarray(Math.max(0, at - 1))]);
      for (const bytes of [flipped, hello.subarray(0, at), repeated]) {
        const socket = await stage.socket(server.port);
        socket.end(bytes);
        socket.resume();
        await closed(socket);
        count++;
      }
    }
    await eventually(() => server.statistics().tls.failed === count, 'each is closed');
    assert.equal(server.connectionsCount, 0);
    assert.equal(liveSessions(), 0);
    const socket = stage.client(server.port);
    socket.end('still there');
    assert.equal(String(await readAll(socket)), 'still there');
  });

  scene('a changed byte of a record ends the connection with bad_record_mac', async (stage) => {
    const server = await stage.listen();
    const relay = new Relay(stage, server.port);
    const secure = stage.client(await stage.serve(relay.server));
    await once(secure, 'secureConnect');
    secure.write('whole');
    await once(secure, 'data');
    relay.change = (chunk) => {
      chunk[chunk.length - 3] = (chunk[chunk.length - 3] as number) ^ 1;
    };
    secure.write('changed');
    await eventually(() => stage.ends.length === 1, 'the end');
    assert.deepEqual(stage.ends, [{ reason: 'tls_error', code: 'ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC' }]);
  });

  scene('abandoned handshakes are freed, half-way and at the time limit', async (stage) => {
    const hello = await clientHello(stage);
    const server = await stage.listen({ tls: { handshakeTimeoutMs: 300 } });
    const sockets = await Promise.all(Array.from({ length: 60 }, () => stage.socket(server.port)));
    sockets.forEach((socket, index) => {
      socket.resume();
      socket.write(index % 3 === 0 ? hello.subarray(0, 50) : hello);
      if (index % 2 === 0) {
        socket.destroy();
      }
    });
    await eventually(() => server.statistics().tls.failed === 60, 'each is closed');
    assert.equal(server.connectionsCount, 0);
    assert.equal(liveSessions(), 0);
    assert.equal(server.statistics().connections.closesByReason.handshake_timeout >= 20, true);
    assert.deepEqual(stage.ends, []);
  });

  scene('the close of a server ends handshakes at once', async (stage) => {
    const hello = await clientHello(stage);
    const server = await stage.listen();
    const socket = await stage.socket(server.port);
    socket.write(hello);
    socket.resume();
    await eventually(() => liveSessions() === 1, 'the handshake');
    assert.deepEqual([...server.connections()], []);
    await server.close();
    assert.equal(liveSessions(), 0);
    assert.deepEqual(server.statistics().tls.failedByCode, { drain_deadline: 1 });
  });

  scene('connections of a closed engine are freed', async (stage) => {
    const server = await stage.listen();
    const client = await stage.connect({ port: server.port, tls: { ca: authority.cert }, data: () => undefined });
    client.write('x');
    const { closed } = client;
    stage.engine.close();
    assert.equal(await closed, 'engine_closed');
  });

  scene('renegotiation is refused', async (stage) => {
    const server = await stage.listen();
    const socket = stage.client(server.port, { maxVersion: 'TLSv1.2' });
    await once(socket, 'secureConnect');
    socket.renegotiate({}, () => undefined);
    await eventually(() => stage.ends.length === 1, 'the end');
    assert.deepEqual(stage.ends, [{ reason: 'tls_error', code: 'ERR_TLS_RENEGOTIATION_DISABLED' }]);
  });

  scene('a connect whose handshake fails rejects with the reason', async (stage) => {
    const closing = await stage.serve(net.createServer((socket) => socket.end()));
    assert.equal((await errorOf(stage.connect({ port: closing, tls: {} }))).code, 'ERR_TLS_TRUNCATED');
    const speaking = await stage.serve(net.createServer((socket) => void socket.end('220 hello\r\n')));
    assert.match((await errorOf(stage.connect({ port: speaking, tls: {} }))).code ?? '', /^ERR_SSL_/);
    const silent = await stage.serve(net.createServer(() => undefined));
    const slow = await errorOf(stage.connect({ port: silent, tls: { handshakeTimeoutMs: 50 } }));
    assert.equal(slow.code, 'ERR_TLS_HANDSHAKE_TIMEOUT');
    const abort = new AbortController();
    const aborted = errorOf(stage.connect({ port: silent, tls: {}, signal: abort.signal }));
    await eventually(() => liveSessions() === 1, 'the handshake');
    abort.abort(new Error('enough'));
    assert.equal((await aborted).message, 'enough');
  });

  scene('a context function that throws ends its connection only', async (stage) => {
    let calls = 0;
    const server = await stage.listen({
      context: () => {
        calls++;
        if (calls === 1) {
          throw new Error('no context');
        }
        return calls;
      },
    });
    const first = stage.client(server.port);
    await closed(first);
    const second = stage.client(server.port);
    second.end('fine');
    assert.equal(String(await readAll(second)), 'fine');
    assert.deepEqual(stage.thrown.map(String), ['Error: no context']);
  });

  scene('plain bytes of the program never leave in the clear', async (stage) => {
    const secret = 'a secret of sixteen bytes or more';
    const server = await stage.listen({
      data: () => undefined,
      open: (connection: Connection) => connection.write(secret),
    });
    const relay = new Relay(stage, server.port);
    const socket = stage.client(await stage.serve(relay.server));
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    assert.equal(String(chunk), secret);
    assert.equal(Buffer.concat(relay.fromServer).includes(secret), false);
  });
}
