/** Connections of `listen` and `connect` as sockets, and http on them. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, get, request } from 'node:http';
import nodeNet from 'node:net';
import { connect as connectTls, type PSKCallbackNegotation, TLSSocket, type TLSSocketOptions } from 'node:tls';
import { connect, listen } from 'overlapped';
import { connectionOf, serveHttp } from 'overlapped/net';
import type { SystemDriverName } from 'overlapped/port';
import { UNREFERENCED } from '../../src/engine/connection-core/state.js';
import { alone, bytesOf } from './pair.js';

/** TLS with a shared key, which needs no certificate. */
const SHARED_KEY = { ciphers: 'PSK+HIGH', maxVersion: 'TLSv1.2' } as const;
const psk = Buffer.alloc(32, 1);
/** The types of Node 20 lack the callback. */
const secureServer = { isServer: true, ...SHARED_KEY, pskCallback: (): Buffer => psk } as TLSSocketOptions;

export function adopting(driver: SystemDriverName): void {
  alone('an echo between two adopted connections, and their other handlers', async () => {
    const events: string[] = [];
    const server = await listen({
      driver,
      port: 0,
      host: '127.0.0.1',
      open(connection) {
        const socket = connection.toDuplex();
        socket.pipe(socket);
      },
      end: () => events.push('end'),
      close: (_, reason) => events.push(reason),
    });
    const connection = await connect({ driver, port: server.port ?? 0, host: '127.0.0.1' });
    const socket = connection.toDuplex();
    assert(socket instanceof nodeNet.Socket);
    assert.equal(socket.readyState, 'open');
    assert.equal(socket.remotePort, server.port);
    assert.throws(() => connection.toDuplex(), { code: 'ERR_ALREADY_READ' });
    socket.end(Buffer.alloc(3_000_000, 'x'));
    const [answer] = await Promise.all([bytesOf(socket), once(socket, 'close')]);
    assert.equal(answer.length, 3_000_000);
    assert.equal(await connection.closed, 'finished');
    await server.close();
    assert.deepEqual(events, ['end', 'finished']);
  });

  alone('a connection that closes before it is adopted', async () => {
    const server = await listen({ driver, port: 0, host: '127.0.0.1', open: (connection) => connection.reset() });
    const connection = await connect({ driver, port: server.port ?? 0, host: '127.0.0.1' });
    await connection.closed;
    const socket = connection.toDuplex();
    socket.on('error', () => undefined);
    await new Promise<void>((resolve) => socket.once('close', () => resolve()));
    await server.close();
  });

  alone('what a listener throws ends the connection, as with a handler', async () => {
    const errors: unknown[] = [];
    const problem = new Error('Thrown by a listener');
    const server = await listen({
      driver,
      port: 0,
      host: '127.0.0.1',
      open(connection) {
        connection
          .toDuplex()
          .on('error', () => undefined)
          .on('data', () => {
            throw problem;
          });
      },
      error: (_, error) => errors.push(error),
    });
    const socket = (await connect({ driver, port: server.port ?? 0, host: '127.0.0.1' })).toDuplex();
    socket.on('error', () => undefined).resume();
    socket.write('hello');
    await new Promise<void>((resolve) => socket.once('close', () => resolve()));
    await server.close();
    assert.deepEqual(errors, [problem]);
    assert.equal(server.statistics().connections.closesByReason.handler_error, 1);
  });

  alone('a socket of a connection has the methods of node:net, and an unreferenced connection stays so', async () => {
    const server = await listen({ driver, port: 0, host: '127.0.0.1', allowHalfOpen: true, open: () => undefined });
    const connection = await connect({ driver, port: server.port ?? 0, host: '127.0.0.1', allowHalfOpen: true });
    connection.unref();
    const socket = connection.toDuplex();
    assert.notEqual(connection.flags & UNREFERENCED, 0);
    assert.equal(connectionOf(socket), connection);
    assert.equal(socket.setNoDelay(true).setKeepAlive(true, 1000).ref(), socket);
    assert.equal(connection.flags & UNREFERENCED, 0);
    const timedOut = new Promise<void>((resolve) => socket.setTimeout(20, resolve));
    socket.cork();
    socket.write('ab');
    socket.write('c');
    assert.equal(socket.bytesWritten, 3);
    socket.uncork();
    await timedOut;
    socket.resetAndDestroy();
    assert.equal(await connection.closed, 'reset');
    await server.close();
  });

  alone('tls on both ends of a connection', async () => {
    const server = await listen({
      driver,
      port: 0,
      host: '127.0.0.1',
      allowHalfOpen: true,
      open(connection) {
        const secure = new TLSSocket(connection.toDuplex(), secureServer);
        secure.pipe(secure);
      },
    });
    const connection = await connect({ driver, port: server.port ?? 0, host: '127.0.0.1', allowHalfOpen: true });
    const secure = connectTls({
      socket: connection.toDuplex(),
      ...SHARED_KEY,
      pskCallback: (): PSKCallbackNegotation => ({ psk, identity: 'test' }),
      checkServerIdentity: () => undefined,
    });
    secure.end(Buffer.alloc(300_000, 'x'));
    assert.equal((await bytesOf(secure)).length, 300_000);
    await connection.closed;
    await server.close();
  });

  alone('an http server on listen: requests, keep-alive, and time limits that are alive', async () => {
    const http = createServer(
      { connectionsCheckingInterval: 20, headersTimeout: 100, requestTimeout: 200 },
      (incoming, response) => incoming.pipe(response),
    );
    const server = await listen({ driver, port: 0, host: '127.0.0.1', ...serveHttp(http) });
    const port = server.port as number;
    const outgoing = request({ port, host: '127.0.0.1', method: 'POST' });
    outgoing.end('hello');
    const [response] = await once(outgoing, 'response');
    let text = '';
    for await (const chunk of response) {
      text += chunk;
    }
    assert.equal(text, 'hello');
    const slow = nodeNet.connect(port, '127.0.0.1', () => slow.write('GET / HTTP/1.1\r\nHost: x\r\nX-'));
    assert.match(String(await bytesOf(slow)), /^HTTP\/1.1 408 /);
    const last = get({ port, host: '127.0.0.1', headers: { connection: 'keep-alive' } });
    const [answer] = await once(last, 'response');
    answer.resume();
    await once(answer, 'end');
    http.close();
    await server.close();
  });
}
