/** TLS with other implementations and tools: openssl's s_client and s_server, and curl. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, listen } from 'overlapped';
import { authority, ofServer } from '../support/certificates.js';
import { eventually } from '../support/harness.js';
import { file, lacks, openSslServer, run } from './programs.js';

const ca = file('ca.pem', authority.cert);
const key = file('key.pem', ofServer.key);
const cert = file('cert.pem', ofServer.cert);

describe('TLS with other programs', () => {
  for (const version of ['1_2', '1_3']) {
    test(`openssl s_client with ${version}`, { skip: lacks('openssl', 'version') }, async () => {
      const server = await listen({
        host: '127.0.0.1',
        port: 0,
        tls: ofServer,
        data: (connection, chunk) => {
          connection.end(`echo of ${chunk.toString()}`);
        },
      });
      const args = ['s_client', `-tls${version}`, '-CAfile', ca, '-servername', 'localhost', '-verify_return_error'];
      const output = await run('openssl', [...args, '-connect', `127.0.0.1:${server.port}`], 'hello\n');
      assert.match(output, /echo of hello/);
      assert.match(output, /Verify return code: 0 \(ok\)|Verification: OK/);
      await server.close();
      assert.equal(server.statistics().tls.handshakes, 1);
    });
  }

  test('a flood of key updates ends the connection', { skip: lacks('openssl', 'version') }, async () => {
    const reasons: string[] = [];
    const server = await listen({
      host: '127.0.0.1',
      port: 0,
      tls: ofServer,
      data: () => undefined,
      error: (_, error) => reasons.push((error as NodeJS.ErrnoException).code ?? ''),
    });
    const args = ['s_client', '-tls1_3', '-connect', `127.0.0.1:${server.port}`, '-servername', 'localhost'];
    const child = spawn('openssl', args, { stdio: ['pipe', 'pipe', 'ignore'] });
    child.stdin.on('error', () => undefined);
    let closed = false;
    const ended = once(child, 'close').then(() => {
      closed = true;
    });
    await eventually(() => server.connectionsCount === 1, 'the connection');
    for (let count = 0; count < 500 && !closed && reasons.length === 0; count++) {
      // s_client sends one for each line that it reads by itself.
      child.stdin.write('K\n');
      await sleep(2);
    }
    await eventually(() => reasons.length === 1, 'the end');
    assert.deepEqual(reasons, ['ERR_TLS_CONTROL_FLOOD']);
    child.kill();
    await ended;
    await server.close();
  });

  test('openssl s_server', { skip: lacks('openssl', 'version') }, async () => {
    const { port, end } = await openSslServer(['-key', key, '-cert', cert, '-rev']);
    let answer = '';
    const client = await connect({
      host: '127.0.0.1',
      port,
      tls: { ca: authority.cert },
      data: (connection, chunk) => {
        answer += String(chunk);
        if (answer.includes('\n')) {
          connection.end();
        }
      },
    });
    client.write('hello\n');
    await client.closed;
    assert.equal(answer, 'olleh\n');
    await end();
  });

  test('curl, from http.Server over a Duplex', { skip: lacks('curl', '--version') }, async () => {
    const http = createHttpServer((request, response) => {
      response.end(`hello ${request.url}`);
    });
    const server = await listen({
      host: '127.0.0.1',
      port: 0,
      tls: { ...ofServer, ALPNProtocols: ['http/1.1'] },
      open: (connection) => {
        http.emit('connection', connection.toDuplex());
      },
    });
    const output = await run(
      'curl',
      ['--silent', '--show-error', '--cacert', ca, `https://127.0.0.1:${server.port}/x`],
      '',
    );
    assert.equal(output, 'hello /x');
    await server.close();
  });
});
