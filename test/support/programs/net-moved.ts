/**
 * Moves Node's own http and tls over to `overlapped/net`, before they are loaded, and uses them. Arguments: the driver and
 * the case. Prints `done`.
 */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import nodeNet, { type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { listening } from '../net-servers.js';

process.env.OVERLAPPED_DRIVER = process.argv[2];
const ours = await import('overlapped/net');
for (const name of ['Server', 'createServer', 'connect', 'createConnection'] as const) {
  Reflect.set(nodeNet, name, ours[name]);
}
const http = (await import('node:http')).default;
const tls = (await import('node:tls')).default;

const LARGE_BYTES = 5_000_000;
/** A piece of a body, of which more than the buffers of both sockets take are written. */
const PIECE_BYTES = 10_000;
const PIECES_MAX = 100_000;
const STUCK_TURNS = 100;
const ROUNDS = 10;
const BODY_BYTES = 1000;

type HttpServer = ReturnType<typeof http.createServer>;

async function closed(server: HttpServer): Promise<void> {
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
}

/** Requests of one agent, which keeps its connection. */
async function requests(): Promise<void> {
  const sockets = new Set<object>();
  const server = http.createServer((request, response) => {
    sockets.add(request.socket);
    let bytes = 0;
    request.on('data', (chunk) => {
      bytes += chunk.length;
    });
    request.on('end', () => {
      response.writeHead(200, { 'content-type': 'text/plain' });
      response.write(`${bytes}:`);
      response.end('x'.repeat(bytes));
    });
  });
  const port = await listening(server);
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  for (const bytes of [0, 1, 1000, LARGE_BYTES, 3]) {
    const request = http.request({ port, agent, host: '127.0.0.1', method: 'POST' });
    request.end(Buffer.alloc(bytes, 'y'));
    const [response] = await once(request, 'response');
    let text = '';
    for await (const chunk of response) {
      text += chunk;
    }
    assert.equal(text, `${bytes}:${'x'.repeat(bytes)}`);
  }
  assert.equal(sockets.size, 1);
  assert([...sockets].every((socket) => socket instanceof ours.Socket && ours.connectionOf(socket) !== undefined));
  agent.destroy();
  await closed(server);
}

/** A server that answers before it reads: the agent uses the connection again once the request has left, and not before. */
async function early(): Promise<void> {
  const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n';
  const accepted: Socket[] = [];
  const server = ours.createServer({ pauseOnConnect: true }, (socket) => {
    accepted.push(socket);
    let head = '';
    socket.on('data', (chunk) => {
      head = (head + chunk.toString('latin1')).slice(-1000);
      if (head.includes('GET /second')) {
        socket.write(answer);
      }
    });
  });
  const port = await listening(server);
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  let frees = 0;
  agent.on('free', () => frees++);
  const request = http.request({ port, agent, host: '127.0.0.1', method: 'POST' });
  const ended = once(request, 'response').then(([response]) => once(response.resume(), 'end'));
  const [socket] = await once(request, 'socket');
  await once(socket, 'connect');
  // Until the system takes no more: the rest is in the queue of the connection, and nothing in the stream.
  for (let stuck = 0, pieces = 0; stuck < STUCK_TURNS; pieces++) {
    assert.ok(pieces < PIECES_MAX);
    stuck = ours.connectionOf(socket)?.queuedBytes === 0 ? 0 : stuck + 1;
    if (stuck === 0) {
      request.write(Buffer.alloc(PIECE_BYTES));
    }
    await nextTurn();
  }
  request.end();
  accepted[0]?.write(answer);
  await ended;
  assert.deepEqual([request.writableFinished, frees], [false, 0]);
  accepted[0]?.resume();
  await once(request, 'finish');
  const [second] = await once(http.get({ port, agent, host: '127.0.0.1', path: '/second' }), 'response');
  await once(second.resume(), 'end');
  await nextTurn();
  assert.deepEqual([accepted.length, frees], [1, 2]);
  agent.destroy();
  server.close();
}

/** The time limits of http are alive, as the server itself listens. */
async function limits(): Promise<void> {
  const options = { connectionsCheckingInterval: 20, headersTimeout: 100, requestTimeout: 200, keepAliveTimeout: 100 };
  const server = http.createServer(options, (_, response) => response.end('hello'));
  const port = await listening(server);
  const slow = nodeNet.connect(port, '127.0.0.1', () => slow.write('GET / HTTP/1.1\r\nHost: x\r\nX-'));
  const idle = nodeNet.connect(port, '127.0.0.1', () => idle.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'));
  const texts = new Map<nodeNet.Socket, string>();
  for (const socket of [slow, idle]) {
    socket.on('data', (chunk) => texts.set(socket, `${texts.get(socket) ?? ''}${chunk}`));
  }
  await Promise.all([once(slow, 'close'), once(idle, 'close')]);
  assert.match(texts.get(slow) ?? '', /^HTTP\/1.1 408 /);
  assert.match(texts.get(idle) ?? '', /hello$/);
  await closed(server);
}

/** http writes its answer to a broken request, and destroys the connection at once. */
async function refusal(): Promise<void> {
  const server = http.createServer(() => assert.fail('It was no request'));
  const port = await listening(server);
  for (let count = 0; count < 20; count++) {
    const client = nodeNet.connect(port, '127.0.0.1', () => client.write('This is no HTTP\r\n\r\n'));
    let text = '';
    client.on('data', (chunk) => {
      text += chunk;
    });
    await once(client, 'close');
    assert.match(text, /^HTTP\/1.1 400 /);
  }
  await closed(server);
}

/** Bytes that a program gets from the parser stay as they are when others have arrived. */
async function kept(): Promise<void> {
  const heads: Buffer[] = [];
  const bodies: Buffer[] = [];
  const packets: unknown[] = [];
  const server = http.createServer((request) => request.on('data', (chunk) => bodies.push(chunk)));
  server.on('upgrade', (_, socket, head) => {
    heads.push(head);
    socket.end();
  });
  server.on('clientError', (error, socket) => {
    packets.push((error as unknown as { readonly rawPacket: unknown }).rawPacket);
    socket.end();
  });
  const port = await listening(server);
  const upgrade = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n';
  for (let index = 0; index < ROUNDS; index++) {
    const wrong = `This is no HTTP ${index}`;
    const body = `${index}`.padEnd(BODY_BYTES, 'x');
    for (const text of [`${upgrade}head ${index}`, wrong]) {
      const client = nodeNet.connect(port, '127.0.0.1', () => client.write(text));
      client.resume();
      await once(client, 'close');
    }
    const client = nodeNet.connect(port, '127.0.0.1', () => {
      client.write(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${BODY_BYTES}\r\n\r\n${body}`);
    });
    while (bodies.reduce((total, { length }) => total + length, 0) < (index + 1) * BODY_BYTES) {
      await once(server, 'request');
      await new Promise(setImmediate);
    }
    client.destroy();
  }
  const indexes = Array.from({ length: ROUNDS }, (_, index) => index);
  assert.deepEqual(
    heads.map(String),
    indexes.map((index) => `head ${index}`),
  );
  assert.deepEqual(
    packets.map(String),
    indexes.map((index) => `This is no HTTP ${index}`),
  );
  assert.equal(`${Buffer.concat(bodies)}`, indexes.map((index) => `${index}`.padEnd(BODY_BYTES, 'x')).join(''));
  await closed(server);
}

/** A program that ends at once after its answer, or when http has finished it, has sent it. */
async function exits(): Promise<void> {
  const answer = 'x'.repeat(10_000);
  for (const when of ['at once', 'finish', 'close']) {
    const code = `
      import http from 'node:http';
      import nodeNet from 'node:net';
      const server = http.createServer((_, response) => {
        response.on(${JSON.stringify(when)}, () => process.exit(7));
        response.end('x'.repeat(10000));
        ${when === 'at once' ? 'process.exit(7);' : ''}
      });
      server.listen(0, '127.0.0.1', () => console.log(server.address().port));`;
    const preload = ['--import', import.meta.resolve('overlapped/register'), '--input-type=module'];
    const child = spawn(process.execPath, [...preload, '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [port] = await once(child.stdout, 'data');
    const response = await fetch(`http://127.0.0.1:${Number(port)}/`);
    assert.equal(await response.text(), answer, when);
    assert.deepEqual(child.exitCode ?? (await once(child, 'exit'))[0], 7);
  }
}

/** A handshake with a pre-shared key needs no certificate. */
async function overTls(): Promise<void> {
  const key = Buffer.alloc(32, 1);
  const common = { ciphers: 'PSK', minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' } as const;
  const server = tls.createServer({ ...common, pskCallback: () => key, pskIdentityHint: 'x' }, (socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => socket.write(chunk));
    socket.on('end', () => socket.end());
  });
  const port = await listening(server);
  const raw = nodeNet.connect(port, '127.0.0.1');
  await once(raw, 'connect');
  const client = tls.connect({
    ...common,
    socket: raw,
    checkServerIdentity: () => undefined,
    pskCallback: () => ({ psk: key, identity: 'client' }),
  });
  await once(client, 'secureConnect');
  let bytes = 0;
  client.on('data', (chunk) => {
    bytes += chunk.length;
    if (bytes === LARGE_BYTES) {
      client.end();
    }
  });
  client.write(Buffer.alloc(LARGE_BYTES));
  await once(client, 'close');
  assert.equal(bytes, LARGE_BYTES);
  server.close();
  await once(server, 'close');
}

/** A server keeps the process alive, one without a reference does not: the process ends by itself. */
async function life(): Promise<void> {
  const server = nodeNet.createServer((socket) => socket.unref());
  const port = await listening(server);
  const client = nodeNet.connect(port, '127.0.0.1');
  await once(client, 'connect');
  assert(process.getActiveResourcesInfo().length > 0);
  client.unref();
  server.unref();
}

const CASES: Readonly<Record<string, () => Promise<void>>> = {
  requests,
  early,
  limits,
  refusal,
  kept,
  exits,
  tls: overTls,
  life,
};

await CASES[process.argv[3] as string]?.();
console.log('done');
