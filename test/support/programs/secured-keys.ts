/**
 * A program of `node:tls` that sets the certificate of single connections, or traces them. It is started as `secured` is, with
 * the same arguments. Prints `done`.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import type net from 'node:net';
import nodeTls, { type ConnectionOptions, type TLSSocket, type TlsOptions } from 'node:tls';
import { connectionOf } from 'overlapped/net';
import { authority, ofClient, ofOthers, ofServer } from '../certificates.js';
import { close, listening, textOf } from '../net-servers.js';

const [name, way] = process.argv.slice(2);
const tls = way === 'own' ? (await import('overlapped/tls')).default : nodeTls;

const isMoved = (socket: net.Socket): boolean => connectionOf(socket) !== undefined;

function connect(port: number, options: ConnectionOptions = {}): TLSSocket {
  return tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca: authority.cert, ...options });
}

/** The name in the certificate of a server. */
async function nameOf(port: number, options: ConnectionOptions): Promise<string> {
  const client = connect(port, { rejectUnauthorized: false, ...options });
  await once(client, 'secureConnect');
  const { CN } = client.getPeerCertificate().subject;
  await textOf(client);
  return String(CN);
}

/** The certificate of one connection: what ALPNCallback chooses for it, and what either end sets. */
async function keys(): Promise<void> {
  for (const given of [ofOthers, nodeTls.createSecureContext(ofOthers)]) {
    let opening: TLSSocket | undefined;
    const server = tls.createServer(
      {
        ...ofServer,
        ALPNCallback(this: TLSSocket, { protocols }) {
          opening = this;
          assert.throws(() => this.setKeyCert({}));
          if (protocols[0] === 'other') {
            this.setKeyCert(given);
          }
          return protocols[0];
        },
      } as TlsOptions,
      (socket) => {
        assert(isMoved(socket));
        const before = socket.getX509Certificate()?.subject;
        socket.setKeyCert(given);
        socket.end(`${before}, ${socket.getX509Certificate()?.subject}`);
      },
    );
    const port = await listening(server);
    assert.equal(await nameOf(port, { ALPNProtocols: ['other'] }), 'other.example');
    assert.throws(() => opening?.setKeyCert(given), { code: 'ERR_TLS_INVALID_STATE' });
    assert.equal(await nameOf(port, { ALPNProtocols: ['own'] }), 'localhost');
    assert.equal(await textOf(connect(port)), 'CN=localhost, CN=other.example');
    await close(server);
  }
  const asking = tls.createServer({ ...ofServer, ca: authority.cert, requestCert: true }, (socket) => {
    socket.end(String(socket.getPeerCertificate().subject.CN));
  });
  const client = connect(await listening(asking));
  assert.throws(() => client.setKeyCert({}), { code: 'ERR_TLS_INVALID_CONTEXT' });
  client.setKeyCert({ ...ofClient, ca: authority.cert });
  assert.equal(await textOf(client), 'A client');
  assert(isMoved(client));
  client.setKeyCert(ofClient);
  await close(asking);
}

/** Both ends describe their messages on the standard error stream. */
async function traces(): Promise<void> {
  const server = tls.createServer(ofServer, (socket) => {
    assert(isMoved(socket));
    socket.enableTrace();
    socket.end('hello');
  });
  const client = connect(await listening(server));
  client.enableTrace();
  assert.equal(await textOf(client), 'hello');
  await close(server);
}

await (name === 'traces' ? traces : keys)();
console.log('done');
