/**
 * A program of sockets and streams that `overlapped/register` leaves to Node. The test starts it with the preload. Argument:
 * the case. Prints `done`.
 */

import assert from 'node:assert/strict';
import { fork, spawn } from 'node:child_process';
import cluster from 'node:cluster';
import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import net from 'node:net';
import tls from 'node:tls';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { close, listening, textOf } from '../net-servers.js';

const HOST = '127.0.0.1';
const SELF = fileURLToPath(import.meta.url);
const MARK = Symbol.for('overlapped.register');

/** A handshake with a pre-shared key needs no certificate. */
const KEY = Buffer.alloc(32, 1);
const PSK = { ciphers: 'PSK', minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' } as const;
const SERVER_PSK = { ...PSK, pskCallback: () => KEY, pskIdentityHint: 'x' };
const CLIENT_PSK = {
  ...PSK,
  host: HOST,
  checkServerIdentity: () => undefined,
  pskCallback: () => ({ psk: KEY, identity: 'client' }),
};

const { connectionOf } = await import('overlapped/net');

async function overHttps(): Promise<void> {
  const server = https.createServer(SERVER_PSK, (request, response) => {
    assert.equal(request.socket.remoteAddress, HOST);
    response.end('hello');
  });
  const port = await listening(server);
  const request = https.get({ ...CLIENT_PSK, port, agent: false });
  const [response] = await once(request, 'response');
  assert.equal(response.socket.remotePort, port);
  assert.equal(await textOf(response), 'hello');
  await close(server);
}

/** A client that turns to tls later, as those of databases do. */
async function laterTls(): Promise<void> {
  const server = tls.createServer(SERVER_PSK, (socket) => socket.pipe(socket));
  const port = await listening(server);
  const raw = net.connect(port, HOST);
  await once(raw, 'connect');
  assert(connectionOf(raw) !== undefined);
  const client = tls.connect({ ...CLIENT_PSK, socket: raw });
  await once(client, 'secureConnect');
  const text = 'x'.repeat(1_000_000);
  client.end(text);
  assert.equal(await textOf(client), text);
  await close(server);
}

/** The peer ends a connection that has turned to tls: connected before, or while tls begins. */
async function tlsEnds(): Promise<void> {
  const server = tls.createServer(SERVER_PSK, (socket) => socket.end('bye'));
  const port = await listening(server);
  for (let count = 0; count < 20; count++) {
    const raw = net.connect(port, HOST);
    if (count % 2 === 0) {
      await once(raw, 'connect');
    }
    const client = tls.connect({ ...CLIENT_PSK, socket: raw });
    const closed = Promise.all([once(client, 'close'), once(raw, 'close')]);
    assert.equal(await textOf(client), 'bye');
    await closed;
  }
  await close(server);
}

async function overHttp2(): Promise<void> {
  const server = http2.createServer((request, response) => {
    assert.equal(request.socket.remoteAddress, HOST);
    response.end(request.url);
  });
  const port = await listening(server);
  const session = http2.connect(`http://${HOST}:${port}`);
  await once(session, 'connect');
  assert.equal(session.socket?.remotePort, port);
  for (const path of ['/one', '/two']) {
    assert.equal(await textOf(session.request({ ':path': path })), path);
  }
  session.close();
  await close(server);
}

/** Standard streams, a pipe by its descriptor, and a class of the program. */
async function pipes(): Promise<void> {
  const code = `process.stdin.pipe(process.stdout); new net.Socket({ fd: 3 }).end('by descriptor')`;
  const child = spawn(process.execPath, ['-e', code], { stdio: ['pipe', 'pipe', 'inherit', 'pipe'] });
  assert(child.stdin !== null && child.stdout !== null);
  child.stdin.end('standard input');
  const [output, third] = await Promise.all([textOf(child.stdout), textOf(child.stdio[3] as NodeJS.ReadableStream)]);
  assert.deepEqual([output, third], ['standard input', 'by descriptor']);
  class Own extends net.Socket {}
  const server = net.createServer((socket) => socket.end('to a class'));
  const client = new Own();
  assert(client instanceof Own);
  client.connect(await listening(server), HOST);
  assert.equal(await textOf(client), 'to a class');
  await close(server);
}

async function inCluster(): Promise<void> {
  if (cluster.isWorker) {
    await listening(http.createServer((_, response) => response.end('from a worker')));
    await once(process, 'disconnect');
    return;
  }
  const worker = cluster.fork();
  const [{ port }] = await once(worker, 'listening');
  assert.equal(await (await fetch(`http://${HOST}:${port}/`)).text(), 'from a worker');
  worker.disconnect();
  await once(worker, 'exit');
}

/** A socket that goes to a child process. */
async function passed(): Promise<void> {
  if (process.argv[3] === 'child') {
    process.once('message', (_, socket) => {
      (socket as net.Socket).end('from a child', () => process.exit());
    });
    return;
  }
  const child = fork(SELF, ['passed', 'child']);
  const server = net.createServer({ pauseOnConnect: true }, (socket) => child.send('socket', socket));
  assert.equal(await textOf(net.connect(await listening(server), HOST)), 'from a child');
  await Promise.all([once(child, 'exit'), close(server)]);
}

/** Whether threads have the preload: of a program, with an environment of their own, with options of their own. */
async function threads(): Promise<void> {
  if (!isMainThread) {
    const server = net.createServer((socket) => socket.end('from a thread'));
    parentPort?.postMessage([Reflect.has(net, MARK), await listening(server)]);
    return;
  }
  const found: unknown[] = [];
  for (const options of [{}, { env: { A: 'b' } }, { execArgv: [] }]) {
    const worker = new Worker(SELF, { ...options, argv: ['threads'] });
    const [[moved, port]] = await once(worker, 'message');
    found.push(moved);
    assert.equal(await textOf(net.connect(port, HOST)), 'from a thread');
    await worker.terminate();
  }
  console.log(JSON.stringify(found));
}

const CASES: Readonly<Record<string, () => Promise<void>>> = {
  https: overHttps,
  starttls: laterTls,
  'starttls-ends': tlsEnds,
  http2: overHttp2,
  pipes,
  cluster: inCluster,
  passed,
  threads,
};

assert(Reflect.has(net, MARK) || !isMainThread);
await CASES[process.argv[2] as string]?.();
if (!cluster.isWorker && isMainThread) {
  console.log('done');
}
