/** The load over TLS: it measures servers that speak it, and reports what is wrong with others. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, type TestContext, test } from 'node:test';
import { createServer, type TlsOptions } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { C_TLS, NODE_TLS } from '../../bench/contender.js';
import type { Sample, Work } from '../../bench/load/order.js';
import { parseOptions } from '../../bench/options.js';
import { tlsTable } from '../../bench/report/tls.js';
import type { Cell, Results } from '../../bench/results.js';
import { TLS_SCENARIOS } from '../../bench/scenarios/tls.js';
import { handshakesWork } from '../../bench/scenarios/works.js';
import { TLS_FILES } from '../../bench/servers/roles.js';
import { cell, sample } from '../support/bench-cells.js';
import { Child, type ChildResult } from '../support/child.js';
import { runLoad } from '../support/load-peer.js';
import { listening } from '../support/net-servers.js';
import { makeCertificate, makeServerCertificate } from '../support/x509.js';

const built = (path: string): string => fileURLToPath(new URL(`../../bench/${path}.js`, import.meta.url));
const HTTPS = fileURLToPath(new URL('../../../bench/servers/programs/https-hello.js', import.meta.url));
const TIMEOUT_MS = 30_000;
const options = {
  skip: process.platform !== 'linux' && "it reads processes' times from Linux' /proc",
  timeout: 2 * TIMEOUT_MS,
  concurrency: true,
} as const;

const { authority, server } = makeServerCertificate();
const folder = mkdtempSync(join(tmpdir(), 'overlapped-bench-tls-'));
after(() => rmSync(folder, { recursive: true }));
const authorityFile = join(folder, 'authority.pem');
writeFileSync(authorityFile, authority.cert);
const files = { [TLS_FILES.cert]: join(folder, 'cert.pem'), [TLS_FILES.key]: join(folder, 'key.pem') };
writeFileSync(join(folder, 'cert.pem'), server.cert);
writeFileSync(join(folder, 'key.pem'), server.key);

const ECHO: Work = { kind: 'echo', connections: 4, active: 4, sizeBytes: 64, pipeline: 2 };

const load = (t: TestContext, work: Work, port: number, pid = process.pid): Promise<ChildResult> =>
  runLoad(t, { work, port, pid, tls: { authorityFile }, warmUpMs: 100, measureMs: 200 });

const WORKS: readonly (readonly [string, readonly string[], Work])[] = [
  [built('servers/net'), ['tls-echo'], ECHO],
  [built('servers/net'), ['tls-sink'], { kind: 'bulk-in', streams: 2 }],
  [built('servers/net'), ['tls-source'], { kind: 'bulk-out', streams: 2 }],
  [built('servers/net'), ['tls-echo'], handshakesWork(false)],
  [built('servers/net'), ['tls-echo'], handshakesWork(true)],
  [built('servers/net'), ['tls-echo'], { kind: 'idle', connections: 50, soonMs: 100, lateMs: 300 }],
  [HTTPS, [], { kind: 'requests', protocol: { name: 'http', body: 'Hello, world' }, connections: 4 }],
];

describe('over TLS, a sample has positive figures:', options, () => {
  for (const [program, words, work] of WORKS) {
    test(`${work.kind}${work.kind === 'connects' && work.resumes ? ', resumed' : ''}`, options, async (t) => {
      const child = new Child(program, words, { timeoutMs: TIMEOUT_MS, env: { ...process.env, ...files } });
      t.after(() => child.kill());
      const [port] = await child.says(/\d+/);
      const { exitCode, stdout, stderr } = await load(t, work, Number(port), child.process.pid);
      assert.equal(exitCode, 0, stderr);
      const { units, cpu } = JSON.parse(stdout) as Sample;
      // A busy machine may leave the server no time at all in a window this short.
      assert(units > 0 && cpu.user + cpu.system >= 0, stdout);
    });
  }
});

/** The failure of a load against a server of this process that echoes. */
async function complaintOf(t: TestContext, work: Work, how: TlsOptions): Promise<string> {
  const echoing = createServer({ cert: server.cert, key: server.key, ...how }, (socket) => {
    socket.on('error', () => socket.destroy()).on('data', (data) => socket.write(data));
  });
  // A handshake that the load breaks off.
  echoing.on('tlsClientError', () => undefined);
  t.after(() => echoing.close());
  const { exitCode, stdout, stderr } = await load(t, work, await listening(echoing));
  assert.equal(exitCode, 1, stdout);
  return stderr;
}

describe('over TLS, the load reports a server', options, () => {
  test('with the certificate of another authority', options, async (t) => {
    const other = makeServerCertificate().server;
    const complaint = await complaintOf(t, ECHO, { cert: other.cert, key: other.key });
    assert.match(complaint, /^TLS failed: found error 1, error:.*certificate verify failed\n$/);
  });

  test('with the certificate of another host', options, async (t) => {
    const other = makeCertificate({ name: 'elsewhere', hosts: ['elsewhere.example'], issuer: authority });
    const complaint = await complaintOf(t, ECHO, { cert: other.cert, key: other.key });
    assert.match(complaint, /certificate verify failed/);
  });

  test('that speaks only TLS 1.2', options, async (t) => {
    assert.match(await complaintOf(t, ECHO, { maxVersion: 'TLSv1.2' }), /^TLS failed: .*protocol version/);
  });

  test('with another cipher', options, async (t) => {
    assert.match(await complaintOf(t, ECHO, { ciphers: 'TLS_AES_128_GCM_SHA256' }), /^TLS failed: .*handshake failure/);
  });
});

test('--tls has its own scenarios and contenders', () => {
  const { plan, kind } = parseOptions(['--tls'], new AbortController().signal);
  assert.deepEqual(plan.scenarios, TLS_SCENARIOS);
  const names = plan.contenders.map(({ name }) => name);
  assert(names.includes(NODE_TLS) && names.includes(C_TLS), names.join());
  assert.equal(kind, 'tls');
});

test('the report compares with node:tls and with C, and states missed targets in bold', () => {
  const echo = (contender: string, cpu: number): Cell => cell(contender, 'tls-echo-50', sample(100, cpu / 2, cpu / 2));
  const cells = [echo('engine:io_uring', 7), echo('engine:epoll', 8), echo(NODE_TLS, 10), echo(C_TLS, 7)];
  const { rows } = tlsTable({ quick: false, cells } as unknown as Results);
  const title = 'CPU per message, ping-pong of 64 bytes, 50 connections';
  assert.deepEqual(rows, [
    [`${title}, \`engine:io_uring\``, '0.70 (≤ 0.75)', '1.00 (≤ 1.05)', '-'],
    [`${title}, \`engine:epoll\``, '**0.80** (≤ 0.75)', '**1.14** (≤ 1.05)', '-'],
  ]);
});
