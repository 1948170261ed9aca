/** TLS of a server on several threads. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setImmediate as nextIteration } from 'node:timers/promises';
import tls from 'node:tls';
import { listen } from 'overlapped';
import { freedForDead } from '../../src/ffi/openssl-objects.js';
import { authority, ofOthers, ofServer } from '../support/certificates.js';
import { eventually, WAIT_MS } from '../support/harness.js';
import { lacks } from './programs.js';

const MODULE = join(new URL('.', import.meta.url).pathname, '../support/programs/echo-handlers.js');

interface Talk {
  readonly name: string;
  readonly resumed: boolean;
  readonly session: Buffer | undefined;
}

/** An echo over a connection of its own. */
async function talk(port: number, session?: Buffer): Promise<Talk> {
  const options = { ca: authority.cert, servername: 'localhost', checkServerIdentity: () => undefined };
  const socket = tls.connect({ port, host: '127.0.0.1', ...options, ...(session && { session }) });
  let ticket: Buffer | undefined;
  socket.on('session', (given: Buffer) => {
    ticket = given;
  });
  await once(socket, 'secureConnect');
  socket.write('hello');
  // The number of its thread comes first.
  for (let answer = ''; !answer.endsWith('hello'); ) {
    answer += String(((await once(socket, 'data')) as [Buffer])[0]);
  }
  const name = String((socket.getPeerCertificate() as { subject?: { CN: string } }).subject?.CN);
  const resumed = socket.isSessionReused();
  socket.end();
  socket.resume();
  await once(socket, 'close');
  return { name, resumed, session: ticket };
}

describe('TLS on several threads', () => {
  for (const distribution of ['dispatch', 'reuse_port'] as const) {
    test(`with ${distribution}: sessions of all threads, and a renewed certificate`, async () => {
      const server = await listen({
        threads: 2,
        module: MODULE,
        host: '127.0.0.1',
        port: 0,
        distribution,
        tls: { key: ofServer.key, cert: ofServer.cert },
      });
      const port = server.port as number;
      let { session } = await talk(port);
      for (let count = 0; count < 6; count++) {
        const next = await talk(port, session);
        assert.equal(next.resumed, true);
        session = next.session ?? session;
      }
      server.setSecureContext({ key: ofOthers.key, cert: ofOthers.cert });
      assert.equal((await server.statistics()).tls.resumed, 6);
      for (let count = 0; count < 4; count++) {
        assert.equal((await talk(port)).name, 'other.example');
      }
      assert.throws(() => server.addContext('*', ofServer), { code: 'ERR_INVALID_ARG_VALUE' });
      assert.throws(() => server.setSecureContext({ key: 'no key' }));
      await server.close();
    });
  }

  test('a thread that replaces another one begins with the renewed certificate', {
    skip: lacks('openssl', 'version'),
  }, async () => {
    const died: Error[] = [];
    const server = await listen({
      threads: 1,
      module: MODULE,
      host: '127.0.0.1',
      port: 0,
      distribution: 'reuse_port',
      tls: { key: ofServer.key, cert: ofServer.cert },
      onThreadDied: (error) => died.push(error),
    });
    server.setSecureContext({ key: ofOthers.key, cert: ofOthers.cert });
    server.pool.terminate(0);
    await eventually(() => died.length === 1, 'the end');
    const args = ['s_client', '-connect', `127.0.0.1:${server.port}`];
    let shown = '';
    for (let count = 0; count < 1000 && !shown.includes('subject'); count++) {
      // Meanwhile this thread can send the new one nothing.
      shown = String(spawnSync('openssl', args, { input: '', timeout: WAIT_MS }).stdout);
      await nextIteration();
    }
    assert.match(shown, /subject=CN ?= ?other\.example/);
    await server.close();
  });

  test('a thread that is terminated takes its connections with it, and another one serves', async () => {
    const died: Error[] = [];
    const server = await listen({
      threads: 1,
      module: MODULE,
      host: '127.0.0.1',
      port: 0,
      tls: { key: ofServer.key, cert: ofServer.cert },
      onThreadDied: (error) => died.push(error),
    });
    const port = server.port as number;
    server.setSecureContext({ key: ofOthers.key, cert: ofOthers.cert });
    const sockets = Array.from({ length: 20 }, () =>
      tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false }),
    );
    await Promise.all(sockets.map((socket) => once(socket, 'secureConnect')));
    const closed = sockets.map(
      (socket) =>
        new Promise<void>((resolve) => {
          socket.on('error', () => undefined);
          socket.once('close', () => resolve());
        }),
    );
    const freedBefore = freedForDead();
    server.pool.terminate(0);
    await Promise.all(closed);
    await eventually(() => server.threadsReplaced === 1, 'another thread');
    assert.equal(died.length, 1);
    // Each SSL, the contexts of both certificates, and the pair of BIOs.
    assert(freedForDead() - freedBefore >= sockets.length + 4, `${freedForDead() - freedBefore} objects`);
    assert.equal((await talk(port)).name, 'other.example');
    await server.close();
  });
});
