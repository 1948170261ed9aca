/**
 * A program of `node:tls` and `node:https`. The test starts it with `overlapped/register`, or it uses `overlapped/tls`
 * without that. Arguments: the case, and `own` for `overlapped/tls`. Prints `done`.
 */

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import https from 'node:https';
import net from 'node:net';
import nodeTls, { type ConnectionOptions, type TLSSocket, type TlsOptions } from 'node:tls';
import { setFlagsFromString } from 'node:v8';
import { connectionOf } from 'overlapped/net';
import { authority, ofClient, ofOthers, ofServer } from '../certificates.js';
import { close, listening, textOf } from '../net-servers.js';

const HOST = '127.0.0.1';
const LARGE_BYTES = 3_000_000;
const [name = '', way] = process.argv.slice(2);
const tls = way === 'own' ? (await import('overlapped/tls')).default : nodeTls;

function connect(port: number, options: ConnectionOptions & { signal?: AbortSignal } = {}): TLSSocket {
  return tls.connect({ port, host: HOST, servername: 'localhost', ca: authority.cert, ...options });
}

async function open(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect(port, options);
  await once(socket, 'secureConnect');
  return socket;
}

async function failure(socket: TLSSocket): Promise<string | undefined> {
  const [error] = await once(socket, 'error');
  return (error as NodeJS.ErrnoException).code;
}

const isMoved = (socket: net.Socket): boolean => connectionOf(socket) !== undefined;

async function talks(): Promise<void> {
  const bytes = randomBytes(LARGE_BYTES);
  const server = tls.createServer({ ...ofServer, ALPNProtocols: ['one', 'two'] }, (socket) => {
    assert(socket instanceof tls.TLSSocket && socket instanceof net.Socket && isMoved(socket));
    assert.deepEqual(
      [socket.alpnProtocol, (socket as { servername?: unknown }).servername, socket.remoteAddress],
      ['two', 'localhost', HOST],
    );
    assert.deepEqual([socket.encrypted, socket.authorized, socket.getPeerCertificate()], [true, false, {}]);
    socket.pipe(socket);
  });
  assert(server instanceof nodeTls.Server);
  const port = await listening(server);
  const events: string[] = [];
  const client = connect(port, { ALPNProtocols: ['two'] });
  for (const event of ['connect', 'ready', 'secureConnect', 'end']) {
    client.on(event, () => events.push(event));
  }
  const hash = createHash('sha256');
  // Before the handshake is done.
  client.end(bytes);
  client.on('data', (chunk) => hash.update(chunk));
  await once(client, 'secureConnect');
  assert(isMoved(client) && client instanceof tls.TLSSocket);
  assert.deepEqual([client.authorized, client.authorizationError, client.alpnProtocol], [true, null, 'two']);
  assert.equal(client.getProtocol(), 'TLSv1.3');
  assert.equal(client.getPeerCertificate().subject.CN, 'localhost');
  assert.equal(client.getPeerCertificate(true).issuerCertificate.subject.CN, 'Test authority');
  assert.equal(client.exportKeyingMaterial(32, 'EXPORTER-test', Buffer.alloc(0)).length, 32);
  await once(client, 'close');
  assert.equal(hash.digest('hex'), createHash('sha256').update(bytes).digest('hex'));
  assert.deepEqual(events, ['connect', 'ready', 'secureConnect', 'end']);
  await close(server);
}

async function resumes(): Promise<void> {
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const server = tls.createServer({ ...ofServer, maxVersion }, (socket) => socket.end('hello'));
    const port = await listening(server);
    const first = connect(port);
    first.on('session', (shown) => assert(first.getSession()?.equals(shown)));
    const [[session]] = await Promise.all([once(first, 'session'), textOf(first)]);
    const second = await open(port, { session });
    assert(isMoved(second) && second.isSessionReused());
    await textOf(second);
    server.setTicketKeys(randomBytes(48));
    const third = await open(port, { session });
    assert(!third.isSessionReused());
    await textOf(third);
    await close(server);
  }
}

async function refuses(): Promise<void> {
  const seen: unknown[] = [];
  const server = tls.createServer({ ...ofServer, ca: authority.cert, requestCert: true }, (socket) => {
    seen.push(socket.authorized, socket.getPeerCertificate().subject.CN);
    socket.end('hello');
  });
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket: TLSSocket) => {
    seen.push(error.code, socket.remoteAddress);
  });
  const port = await listening(server);
  assert.equal(await textOf(connect(port, ofClient)), 'hello');
  assert.deepEqual(seen.splice(0), [true, 'A client']);
  const reported = once(server, 'tlsClientError');
  assert.equal(await failure(tls.connect({ port, host: HOST, ...ofClient })), 'SELF_SIGNED_CERT_IN_CHAIN');
  await reported;
  assert.deepEqual(seen.splice(0), ['ECONNRESET', HOST]);
  const again = once(server, 'tlsClientError');
  assert.equal(
    await failure(connect(port, { ...ofClient, servername: 'wrong.example' })),
    'ERR_TLS_CERT_ALTNAME_INVALID',
  );
  await again;
  seen.splice(0);
  const bare = connect(port);
  bare.resume();
  assert.equal(await failure(bare), 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED');
  assert.deepEqual(seen.splice(0), ['ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE', HOST]);
  const plain = net.connect(port, HOST);
  plain.on('error', () => undefined);
  plain.write('GET / HTTP/1.1\r\n\r\n');
  await once(server, 'tlsClientError');
  assert.deepEqual(seen, ['ERR_SSL_HTTP_REQUEST', HOST]);
  plain.destroy();
  await close(server);
}

const nameOf = async (port: number, options: ConnectionOptions): Promise<string | undefined> => {
  const client = await open(port, { rejectUnauthorized: false, ...options });
  const { CN } = client.getPeerCertificate().subject;
  assert(isMoved(client));
  await textOf(client);
  return String(CN);
};

/** Contexts of `node:tls`, by name, and a server's own that is replaced. */
async function contexts(): Promise<void> {
  const other = nodeTls.createSecureContext(ofOthers);
  const served: boolean[] = [];
  const hello = (socket: TLSSocket): void => {
    served.push(isMoved(socket));
    socket.end('hello');
  };
  const added = tls.createServer(ofServer, hello);
  added.addContext('*.wild.example', ofOthers);
  const chosen = tls.createServer(
    { ...ofServer, SNICallback: (host, done) => done(null, host === 'other.example' ? other : undefined) },
    hello,
  );
  const bare = tls.createServer(
    { ...ofServer, SNICallback: (_, done) => done(null, nodeTls.createSecureContext()) },
    hello,
  );
  const [addedPort, chosenPort] = [await listening(added), await listening(chosen)];
  assert.equal(await nameOf(addedPort, { servername: 'a.wild.example' }), 'other.example');
  assert.equal(await nameOf(chosenPort, { servername: 'other.example' }), 'other.example');
  assert.equal(await nameOf(addedPort, {}), 'localhost');
  // A context without a certificate leaves the server's own.
  assert.equal(await nameOf(await listening(bare), {}), 'localhost');
  assert.equal(await nameOf(chosenPort, {}), 'localhost');
  added.setSecureContext(ofOthers);
  assert.equal(await nameOf(addedPort, {}), 'other.example');
  assert.deepEqual(served, Array(6).fill(true));
  await Promise.all([close(added), close(bare), close(chosen)]);
}

/** A FIN without close_notify is an end, as with Node. */
async function truncated(): Promise<void> {
  const server = tls.createServer(ofServer);
  const port = await listening(server);
  const raw = net.connect(port, HOST);
  const client = connect(port, { socket: raw });
  const [[accepted]] = await Promise.all([once(server, 'secureConnection'), once(client, 'secureConnect')]);
  assert(isMoved(accepted));
  accepted.resume();
  // The server ends its side, too, over a connection that this one has closed.
  client.on('error', () => undefined);
  raw.on('error', () => undefined);
  raw.end();
  await once(accepted, 'end');
  client.destroy();
  await close(server);
}

/** The options of a TCP connection, which `connect` takes too. */
async function tcpOptions(): Promise<void> {
  const server = tls.createServer(ofServer, (socket) => socket.resume());
  const port = await listening(server);
  const client = await open(port, { keepAlive: true, keepAliveInitialDelay: 60_000 } as ConnectionOptions);
  assert.equal(connectionOf(client)?.socket.getOption('keepAliveInitialDelayMs'), 60_000);
  client.destroy();
  await close(server);
}

/** A server that closes the connection during the handshake: what was written is cancelled, and the socket has the reason. */
async function disconnects(): Promise<void> {
  const server = net.createServer((socket) => socket.destroy());
  const client = connect(await listening(server));
  const failed = failure(client);
  const write = new Promise<NodeJS.ErrnoException | null | undefined>((resolve) => {
    client.write('never sent', resolve);
  });
  const cancelled = await write;
  assert.deepEqual([cancelled?.code, cancelled?.syscall], ['ECANCELED', 'write']);
  assert.equal(await failed, 'ECONNRESET');
  await close(server);
}

/** The things that Node's own TLS does. */
async function native(): Promise<void> {
  const key = Buffer.alloc(32, 1);
  const psk = { ciphers: 'PSK', minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' } as const;
  const cases: [TlsOptions, ConnectionOptions, string?][] = [
    [
      { ...psk, pskCallback: () => key, pskIdentityHint: 'x' } as TlsOptions,
      { ...psk, checkServerIdentity: () => undefined, pskCallback: () => ({ psk: key, identity: 'client' }) },
    ],
    [ofServer, { requestOCSP: true } as ConnectionOptions, 'OCSPRequest'],
    [ofServer, { ALPNProtocols: ['h2'] }, 'keylog'],
    [
      { ...ofServer, ALPNProtocols: ['h2'] },
      { socket: undefined, enableTrace: false },
    ],
  ];
  for (const [serverOptions, clientOptions, event] of cases) {
    const server = tls.createServer(serverOptions, (socket) => {
      assert(!isMoved(socket));
      socket.end('hello');
    });
    if (event !== undefined) {
      server.on(event, (_, __, done) => typeof done === 'function' && done(null, null));
    }
    const client = connect(await listening(server), clientOptions);
    assert.equal(await textOf(client), 'hello');
    await close(server);
  }
  const late = tls.createServer(ofServer, (socket) => socket.end('hello'));
  const port = await listening(late);
  let plain: net.Socket | undefined;
  late.on('connection', (socket) => {
    plain = socket;
  });
  assert.equal(await textOf(connect(port)), 'hello');
  assert(plain !== undefined && isMoved(plain));
  await close(late);
}

async function overHttps(): Promise<void> {
  const server = https.createServer(ofServer, async (request, response) => {
    const { socket } = request;
    assert(isMoved(socket) && (socket as TLSSocket).encrypted && socket.remoteAddress === HOST);
    response.end(await textOf(request));
  });
  const port = await listening(server);
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1, ca: authority.cert });
  const sockets = new Set<net.Socket>();
  for (const body of ['', 'x'.repeat(LARGE_BYTES), 'short']) {
    const request = https.request({ port, agent, host: 'localhost', family: 4, method: 'POST' });
    request.end(body);
    const [response] = await once(request, 'response');
    sockets.add(response.socket);
    assert.equal(await textOf(response), body);
  }
  assert.deepEqual([...sockets].map(isMoved), [true]);
  agent.destroy();
  await close(server);
}

/** Clients whose signal is aborted, before the call or after it, do not connect. */
async function aborts(): Promise<void> {
  let accepted = 0;
  const server = tls.createServer(ofServer, (socket) => {
    accepted++;
    socket.end('hello');
  });
  const port = await listening(server);
  const early = connect(port, { signal: AbortSignal.abort() });
  assert.equal(await failure(early), 'ABORT_ERR');
  const later = new AbortController();
  const late = connect(port, { signal: later.signal });
  const failed = failure(late);
  later.abort();
  assert.equal(await failed, 'ABORT_ERR');
  assert.deepEqual([early.destroyed, late.destroyed], [true, true]);
  // Its handshake would come after theirs.
  assert.equal(await textOf(connect(port)), 'hello');
  assert.equal(accepted, 1);
  await close(server);
}

/**
 * The sockets of a kind have one hidden class. If each had its own, V8 would look up every property of each of them anew.
 * The first two of a process differ from later ones, as V8 learns how many fields its sockets have.
 */
async function shapes(): Promise<void> {
  setFlagsFromString('--allow-natives-syntax');
  const areAlike = new Function('a', 'b', 'return %HaveSameMap(a, b)') as (a: object, b: object) => boolean;
  const accepted: TLSSocket[] = [];
  const server = tls.createServer(ofServer, (socket) => accepted.push(socket));
  const port = await listening(server);
  const connected: TLSSocket[] = [];
  for (let count = 1; count <= 20; count++) {
    connected.push(await open(port));
    if (accepted.length < count) {
      await once(server, 'secureConnection');
    }
  }
  for (const sockets of [accepted, connected]) {
    const [one, other] = sockets.slice(-2) as [TLSSocket, TLSSocket];
    assert(isMoved(one) && areAlike(one, other));
  }
  for (const socket of [...connected, ...accepted]) {
    socket.destroy();
  }
  await close(server);
}

const CASES: Readonly<Record<string, () => Promise<void>>> = {
  talks,
  resumes,
  refuses,
  aborts,
  disconnects,
  tcpOptions,
  contexts,
  truncated,
  native,
  shapes,
  https: overHttps,
};

await CASES[name]?.();
console.log('done');
