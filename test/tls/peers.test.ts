/** The engine's TLS with GnuTLS on either side, and what clients must not do. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { setImmediate as nextIteration } from 'node:timers/promises';
import { type Connection, type ConnectOptions, connect, type ListenOptions, listen, type Server } from 'overlapped';
import { authority, ofClient, ofServer } from '../support/certificates.js';
import { eventually, WAIT_MS } from '../support/harness.js';
import { file, freePort, lacks, run } from './programs.js';

const ca = file('ca.pem', authority.cert);
const key = file('key.pem', ofServer.key);
const cert = file('cert.pem', ofServer.cert);
const noGnuTls = { skip: lacks('gnutls-cli', '--version') };
const VERSIONS = ['1.2', '1.3'] as const;

const only = (version: string): string => `--priority=NORMAL:-VERS-ALL:+VERS-TLS${version}`;

interface Served {
  readonly server: Server;
  /** How its connections have ended. */
  readonly ends: string[];
}

async function serve(options: object = {}): Promise<Served> {
  const ends: string[] = [];
  const codes = new WeakMap<Connection, string>();
  const server = await listen({
    host: '127.0.0.1',
    port: 0,
    data: (connection, chunk) => connection.write(`echo of ${chunk.toString()}`),
    error: (connection, error) => codes.set(connection, (error as NodeJS.ErrnoException).code ?? error.message),
    close: (connection, reason) => ends.push(codes.get(connection) ?? reason),
    ...options,
    tls: { ...ofServer, ...(options as { tls?: object }).tls },
  } as ListenOptions);
  return { server, ends };
}

const gnuTls = (port: number | undefined, args: readonly string[], input: string): Promise<string> => {
  const checks = ['--x509cafile', ca, '--sni-hostname=localhost', '--verify-hostname=localhost'];
  return run('gnutls-cli', [...checks, ...args, '--port', String(port), '127.0.0.1'], input);
};

/** Connects to a program that has just been started. */
async function connected(options: ConnectOptions): Promise<Connection> {
  const deadline = performance.now() + WAIT_MS;
  for (;;) {
    try {
      return await connect(options);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED' || performance.now() > deadline) {
        throw error;
      }
      await nextIteration();
    }
  }
}

describe('GnuTLS', noGnuTls, () => {
  for (const version of VERSIONS) {
    test(`gnutls-cli with TLS ${version}, and its end is a clean one`, async () => {
      const { server, ends } = await serve();
      const output = await gnuTls(server.port, [only(version)], 'hello\n');
      assert.match(output, new RegExp(`\\(TLS${version}(?:-X\\.509)?\\)`));
      assert.match(output, /The certificate is trusted/);
      assert.match(output, /echo of hello/);
      await eventually(() => ends.length === 1, 'the end');
      assert.deepEqual(ends, ['finished']);
      await server.close();
    });

    test(`gnutls-cli resumes its session with TLS ${version}`, async () => {
      const { server } = await serve();
      const output = await gnuTls(server.port, ['--resume', '--waitresumption', only(version)], 'hello\n');
      assert.match(output, /This is a resumed session/);
      assert.deepEqual(server.statistics().tls, { handshakes: 2, resumed: 1, failed: 0, failedByCode: {} });
      await server.close();
    });

    test(`our client and gnutls-serv with TLS ${version}`, async () => {
      const port = await freePort();
      const files = ['--x509certfile', cert, '--x509keyfile', key];
      const child = spawn('gnutls-serv', ['--echo', '--port', String(port), ...files, only(version)], {
        stdio: 'ignore',
      });
      try {
        let answer = '';
        const client = await connected({
          host: '127.0.0.1',
          port,
          tls: { ca: authority.cert },
          data: (_, chunk) => {
            answer += String(chunk);
          },
        });
        client.write('hello\n');
        await eventually(() => answer === 'hello\n', 'the echo');
        assert.equal(client.tls?.protocol, `TLSv${version}`);
        client.end();
        assert.equal(await client.closed, 'finished');
      } finally {
        child.kill();
        await once(child, 'close');
      }
    });
  }

  test('gnutls-cli has a certificate of its own, and a protocol', async () => {
    const known: unknown[] = [];
    const { server } = await serve({
      tls: { requestCert: true, ca: authority.cert, ALPNProtocols: ['two', 'one'] },
      open: ({ tls: info }: Connection) => known.push(info?.authorized, info?.alpnProtocol),
    });
    const own = ['--x509certfile', file('own.pem', ofClient.cert), '--x509keyfile', file('own.key', ofClient.key)];
    const output = await gnuTls(server.port, [...own, '--alpn=one', '--alpn=two'], 'hello\n');
    assert.match(output, /echo of hello/);
    assert.deepEqual(known, [true, 'two']);
    assert.match(await gnuTls(server.port, [], 'hello\n'), /certificate is required/i);
    assert.deepEqual(server.statistics().tls.failedByCode, { ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: 1 });
    await server.close();
  });

  test('gnutls-cli renews its keys', async () => {
    const { server, ends } = await serve();
    const output = await gnuTls(server.port, ['--inline-commands', only('1.3')], '^rekey^\nhello\n');
    assert.match(output, /Rekey was completed/);
    assert.match(output, /echo of hello/);
    await eventually(() => ends.length === 1, 'the end');
    assert.deepEqual(ends, ['finished']);
    await server.close();
  });

  test('gnutls-cli may not renegotiate', async () => {
    const { server, ends } = await serve();
    const output = await gnuTls(server.port, ['--inline-commands', only('1.2')], '^renegotiate^\nhello\n');
    assert.match(output, /ReHandshake has failed|Fatal error/);
    assert.doesNotMatch(output, /echo of/);
    await eventually(() => ends.length === 1, 'the end');
    assert.deepEqual(ends, ['ERR_TLS_RENEGOTIATION_DISABLED']);
    await server.close();
  });
});

test('openssl s_client may not renegotiate', { skip: lacks('openssl', 'version') }, async () => {
  const { server, ends } = await serve();
  const args = ['s_client', '-tls1_2', '-connect', `127.0.0.1:${server.port}`, '-servername', 'localhost'];
  const child = spawn('openssl', args, { stdio: ['pipe', 'ignore', 'ignore'] });
  child.stdin.on('error', () => undefined);
  const closed = once(child, 'close');
  await eventually(() => server.connectionsCount === 1, 'the connection');
  child.stdin.write('R\n');
  await eventually(() => ends.length === 1, 'the end');
  assert.deepEqual(ends, ['ERR_TLS_RENEGOTIATION_DISABLED']);
  child.stdin.end();
  await closed;
  await server.close();
});
