/**
 * A program of `node:net` and `node:http` that knows nothing of this package, but for what it asks in the end: whether its
 * sockets were ours. The test starts it with `overlapped/register`. Argument: the case. Prints `done`.
 */

import assert from 'node:assert/strict';
import diagnostics from 'node:diagnostics_channel';
import { once } from 'node:events';
import http, { Agent, createServer as createHttpServer } from 'node:http';
import net, { connect, createServer, Socket } from 'node:net';
import { close, listening, textOf } from '../net-servers.js';

const HOST = '127.0.0.1';
const LARGE_BYTES = 3_000_000;

const sockets: Socket[] = [];
const seen = ({ socket }: { readonly socket?: Socket }): void => {
  assert(socket !== undefined);
  sockets.push(socket);
};
for (const name of ['net.client.socket', 'net.server.socket']) {
  diagnostics.subscribe(name, (message) => seen(message as { socket?: Socket }));
}

/** The module's functions, its names imported from an ES module, and sockets that are connected later. */
async function onNet(): Promise<void> {
  assert.equal(createServer, net.createServer);
  assert.equal(Socket, net.Socket);
  const server = createServer((socket) => {
    assert(socket instanceof Socket);
    socket.pipe(socket);
  });
  assert(server instanceof net.Server);
  const port = await listening(server);
  const clients = [connect(port, HOST), net.createConnection({ port, host: HOST }), new Socket().connect(port, HOST)];
  for (const client of clients) {
    assert(client instanceof Socket && client instanceof net.Socket);
    client.end('hello');
    assert.equal(await textOf(client), 'hello');
  }
  sockets.push(...clients);
  await close(server);
}

/** A tool wraps the method of the class, as those that trace connects do. */
async function traced(): Promise<void> {
  const { connect: connectBefore } = Socket.prototype;
  const calls: unknown[] = [];
  Socket.prototype.connect = function connectTraced(this: Socket, ...args: unknown[]) {
    calls.push(this);
    return Reflect.apply(connectBefore, this, args);
  } as typeof connectBefore;
  const server = createServer((socket) => socket.end('hello'));
  const port = await listening(server);
  const clients = [connect(port, HOST), new Socket().connect({ port, host: HOST })];
  for (const client of clients) {
    assert.equal(await textOf(client), 'hello');
  }
  assert.deepEqual(calls.length, clients.length);
  await close(server);
}

async function onHttp(): Promise<void> {
  const server = createHttpServer(async (request, response) => response.end(await textOf(request)));
  assert(server instanceof net.Server);
  const port = await listening(server);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (const body of ['', 'x'.repeat(LARGE_BYTES), 'short']) {
    const request = http.request({ port, agent, host: HOST, method: 'POST' });
    request.end(body);
    const [response] = await once(request, 'response');
    assert.equal(await textOf(response), body);
  }
  const alone = http.get({ port, host: HOST, agent: false });
  const [response] = await once(alone, 'response');
  await textOf(response);
  agent.destroy();
  await close(server);
  assert.equal(sockets.length, 4);
}

/** Headers that do not end, a request that does not end, and a connection that is kept for nothing. */
async function limits(): Promise<void> {
  const options = { connectionsCheckingInterval: 20, headersTimeout: 100, requestTimeout: 200, keepAliveTimeout: 100 };
  const server = createHttpServer(options, (request, response) => {
    request.resume().on('end', () => response.end('hello'));
  });
  const port = await listening(server);
  const ask = async (text: string): Promise<string> => {
    const socket = connect(port, HOST, () => socket.write(text));
    return textOf(socket);
  };
  const head = 'GET / HTTP/1.1\r\nHost: x\r\n';
  const [slow, unfinished, idle] = await Promise.all([
    ask(`${head}X-`),
    ask(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabc`),
    ask(`${head}\r\n`),
  ]);
  assert.match(slow ?? '', /^HTTP\/1.1 408 /);
  assert.match(unfinished ?? '', /^HTTP\/1.1 408 /);
  assert.match(idle ?? '', /^HTTP\/1.1 200 .*hello$/s);
  await close(server);
}

async function onFetch(): Promise<void> {
  const server = createHttpServer(async (request, response) => response.end(await textOf(request)));
  const port = await listening(server);
  for (const body of ['first', 'x'.repeat(LARGE_BYTES)]) {
    const response = await fetch(`http://${HOST}:${port}/`, { method: 'POST', body });
    assert.equal(await response.text(), body);
  }
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
}

const CASES: Readonly<Record<string, () => Promise<void>>> = {
  net: onNet,
  traced,
  http: onHttp,
  limits,
  fetch: onFetch,
};

await CASES[process.argv[2] as string]?.();
const { connectionOf } = await import('overlapped/net');
assert(sockets.length > 1);
const wanted = process.argv[3] !== 'own';
assert(sockets.every((socket) => (connectionOf(socket) !== undefined) === wanted));
console.log('done');
