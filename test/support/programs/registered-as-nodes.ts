/**
 * A program that depends on what Node's own sockets do beyond their documentation. The test starts it with
 * `overlapped/register`. Argument: the case. Prints `done`.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';
import { PerformanceObserver } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import tls from 'node:tls';
import { close, listening, textOf } from '../net-servers.js';

const HOST = '127.0.0.1';

/** A handshake with a pre-shared key needs no certificate. */
const KEY = Buffer.alloc(32, 1);
const PSK = { ciphers: 'PSK', minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' } as const;

/** `perf_hooks` makes an entry of each connect over TCP, and tools that trace connects see no socket more. */
async function observed(): Promise<void> {
  const entries: PerformanceEntry[] = [];
  const observer = new PerformanceObserver((list) =>
    entries.push(...(list.getEntries() as unknown as PerformanceEntry[])),
  );
  observer.observe({ type: 'net' as 'mark' });
  const server = net.createServer((socket) => socket.end('hello'));
  const port = await listening(server);
  const connects: unknown[] = [];
  const { connect } = net.Socket.prototype;
  net.Socket.prototype.connect = function connectTraced(this: net.Socket, ...args: unknown[]) {
    connects.push(this);
    return Reflect.apply(connect, this, args);
  } as typeof connect;
  assert.equal(await textOf(net.connect(port, HOST)), 'hello');
  assert.equal(await textOf(new net.Socket().connect(port, 'localhost')), 'hello');
  await assert.rejects(once(net.connect(1, HOST), 'connect'), { code: 'ECONNREFUSED' });
  await setImmediate();
  const found = entries.map(({ name, entryType, detail }) => ({ name, entryType, detail }));
  const entry = { name: 'connect', entryType: 'net', detail: { host: HOST, port } };
  assert.deepEqual(found, [entry, entry]);
  assert(entries.every(({ duration }) => duration > 0));
  assert.equal(connects.length, 3);
  observer.disconnect();
  await close(server);
}

/** A paused request keeps its body when the response is finished, although all of it came in one piece. */
async function bodies(): Promise<void> {
  let text = '';
  const server = http.createServer((request, response) => {
    request.once('data', (chunk) => {
      text += chunk;
      request.pause();
      response.end('early');
      response.once('finish', () => setTimeout(() => request.on('data', (more) => (text += more)).resume(), 10));
    });
    request.on('end', () => socket.destroy());
  });
  const socket = net.connect(await listening(server), HOST);
  const headers = 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n';
  socket.write(`${headers}3\r\none\r\n3\r\ntwo\r\n5\r\nthree\r\n0\r\n\r\n`);
  await once(socket, 'close');
  assert.equal(text, 'onetwothree');
  await close(server);
}

/** A server on Node's own sockets has accepted its client when that is connected, and may close then. */
async function accepted(): Promise<void> {
  for (let count = 0; count < 5; count++) {
    const server = http2.createServer();
    const port = await listening(server);
    const socket = net.connect(port, HOST, () => server.close());
    socket.on('error', (error) => assert.fail(error));
    const preface = await once(socket, 'data');
    assert(preface.length > 0);
    socket.destroy();
    await once(server, 'close');
  }
}

/** A session of http2 is connected when its socket is, also if the port is a number. */
async function sessions(): Promise<void> {
  const server = http2.createServer((request, response) => response.end(request.url));
  const port = await listening(server);
  const session = http2.connect('http://example.test', { host: HOST, port } as http2.ClientSessionOptions);
  await once(session, 'connect');
  assert.equal(session.socket?.remotePort, port);
  assert.equal(await textOf(session.request({ ':path': '/one' })), '/one');
  session.close();
  await close(server);
}

/** TLS over a socket has ended when the socket emits its `close`. */
async function layers(): Promise<void> {
  const secure = tls.createServer({ ...PSK, pskCallback: () => KEY, pskIdentityHint: 'x' });
  const server = net.createServer((socket) => secure.emit('connection', socket));
  const [port, raws, tops] = [await listening(server), once(server, 'connection'), once(secure, 'secureConnection')];
  const client = tls.connect({
    ...PSK,
    port,
    host: HOST,
    checkServerIdentity: () => undefined,
    pskCallback: () => ({ psk: KEY, identity: 'client' }),
  });
  const [[raw], [top]] = await Promise.all([raws, tops, once(client, 'secureConnect')]);
  raw.destroy();
  assert.equal(top.destroyed, false);
  await once(raw, 'close');
  assert.equal(top.destroyed, true);
  await once(client, 'close');
  await close(server);
}

/** A socket that is destroyed ends before the peer gets what the same turn writes to another one. */
async function ended(): Promise<void> {
  const events: string[] = [];
  const accepted: net.Socket[] = [];
  const server = net.createServer((socket) => {
    accepted.push(socket);
    socket.on('data', () => events.push('data')).on('end', () => events.push('end'));
  });
  const port = await listening(server);
  const clients = [net.connect(port, HOST), net.connect(port, HOST)];
  await Promise.all(clients.map((client) => once(client, 'connect')));
  while (accepted.length < clients.length) {
    await setImmediate();
  }
  const [first, second] = clients as [net.Socket, net.Socket];
  await setImmediate();
  first.destroy();
  second.end('hello');
  await Promise.all(accepted.map((socket) => once(socket, 'close')));
  // select reports sockets in the order of their numbers.
  if (process.env.OVERLAPPED_DRIVER !== 'select') {
    assert.deepEqual(events, ['end', 'data', 'end']);
  }
  await close(server);
}

const CASES: Readonly<Record<string, () => Promise<void>>> = { observed, bodies, accepted, sessions, ended, layers };

interface PerformanceEntry {
  readonly name: string;
  readonly entryType: string;
  readonly duration: number;
  readonly detail: unknown;
}

await CASES[process.argv[2] as string]?.();
console.log('done');
