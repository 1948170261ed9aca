/** The stand-in for `node:tls`: its defaults, its chains of certificates, and listeners that throw. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import type net from 'node:net';
import { describe, test } from 'node:test';
import nodeTls, { type DetailedPeerCertificate } from 'node:tls';
import tls from 'overlapped/tls';
import { authority, ofServer } from '../support/certificates.js';
import { collectingUncaught } from '../support/uncaught.js';
import { makeCertificate } from '../support/x509.js';

async function listening(server: nodeTls.Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as net.AddressInfo).port;
}

describe('overlapped/tls', () => {
  test('its defaults are those of node:tls', () => {
    const { DEFAULT_MIN_VERSION: before } = nodeTls;
    try {
      tls.DEFAULT_MIN_VERSION = 'TLSv1.3';
      assert.equal(nodeTls.DEFAULT_MIN_VERSION, 'TLSv1.3');
      nodeTls.DEFAULT_MIN_VERSION = 'TLSv1.2';
      assert.equal(tls.DEFAULT_MIN_VERSION, 'TLSv1.2');
    } finally {
      nodeTls.DEFAULT_MIN_VERSION = before;
    }
  });

  test('authorities that have signed each other are a chain with an end', async () => {
    const one = makeCertificate({ name: 'One' });
    const other = makeCertificate({ name: 'Other', issuer: one, isAuthority: true });
    const crossed = makeCertificate({ name: 'One', issuer: other, isAuthority: true, keyOf: one });
    const hosts = ['localhost'];
    const { cert, key } = makeCertificate({ name: 'localhost', hosts, issuer: one });
    const server = nodeTls.createServer({ cert, key }, (socket) => socket.end());
    const port = await listening(server);
    const ca = [crossed.cert, other.cert];
    const socket = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca, rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    const names: string[] = [];
    let certificate: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
    for (; certificate !== undefined && names.length < 10; certificate = certificate.issuerCertificate) {
      names.push(String(certificate.subject.CN));
    }
    assert.deepEqual(names, ['localhost', 'One', 'Other']);
    socket.destroy();
    server.close();
  });

  test('a listener of session that throws loses no data', async () => {
    await collectingUncaught(async (uncaught) => {
      const server = nodeTls.createServer(ofServer, (socket) => socket.end('hello'));
      const port = await listening(server);
      const socket = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca: authority.cert });
      socket.on('session', () => {
        throw new Error('from the listener');
      });
      const chunks: Buffer[] = [];
      socket.on('data', (chunk: Buffer) => chunks.push(chunk));
      await once(socket, 'close');
      assert.equal(String(Buffer.concat(chunks)), 'hello');
      assert.ok(uncaught.length > 0);
      server.close();
    });
  });
});
