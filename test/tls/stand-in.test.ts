/** What programs of `overlapped/tls` change and throw. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import type net from 'node:net';
import { describe, test } from 'node:test';
import nodeTls from 'node:tls';
import tls from 'overlapped/tls';
import { authority, ofServer } from '../support/certificates.js';
import { collectingUncaught } from '../support/uncaught.js';

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
