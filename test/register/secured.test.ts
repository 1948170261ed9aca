/** TLS of unchanged programs, and of `overlapped/tls`, on each driver. */

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Child, programPath } from '../support/child.js';
import { SYSTEM_DRIVERS } from '../support/drivers.js';
import { BY_IMPORT, BY_REQUIRE, succeeds } from './preload.js';

const CASES = [
  'talks',
  'resumes',
  'refuses',
  'aborts',
  'disconnects',
  'tcpOptions',
  'contexts',
  'truncated',
  'native',
  'shapes',
];

describe('TLS of programs', { concurrency: 2 }, () => {
  for (const driver of SYSTEM_DRIVERS) {
    const env = { OVERLAPPED_DRIVER: driver };
    for (const each of CASES) {
      test(`${each}, overlapped/tls on ${driver}`, async () => {
        await succeeds('secured', [each, 'own'], { nodeOptions: [], env });
      });
    }
    for (const each of [...CASES, 'https']) {
      test(`${each}, with the preload on ${driver}`, async () => {
        await succeeds('secured', [each], { env });
      });
    }
  }

  for (const each of [...CASES, 'https']) {
    test(`${each}, after https was loaded`, async () => {
      await succeeds('secured', [each], { nodeOptions: ['--require', 'https', ...BY_REQUIRE] });
    });
  }

  for (const driver of SYSTEM_DRIVERS) {
    const env = { OVERLAPPED_DRIVER: driver };
    test(`setKeyCert, overlapped/tls on ${driver}`, async () => {
      await succeeds('secured-keys', ['keys', 'own'], { nodeOptions: [], env });
    });
    test(`setKeyCert, with the preload on ${driver}`, async () => {
      await succeeds('secured-keys', ['keys'], { env });
    });
    test(`enableTrace prints the messages of a connection on ${driver}`, async () => {
      const folder = mkdtempSync(join(tmpdir(), 'trace-'));
      try {
        const file = join(folder, 'trace');
        const { stdout } = await new Child(programPath('secured-keys'), ['traces'], {
          // OpenSSL does not wait for a pipe that is full: what it prints then is lost.
          before: ['sh', '-c', 'exec "$0" "$@" 2>"$TRACE_FILE"'],
          nodeOptions: BY_IMPORT,
          env: { ...env, TRACE_FILE: file },
        }).ended;
        const trace = readFileSync(file, 'utf8');
        assert.equal(stdout, 'done\n', trace);
        assert.match(trace, /Sent (?:TLS )?Record.*ClientHello.*Received (?:TLS )?Record.*ServerHello/is);
        assert.match(trace, /Inner Content Type = ApplicationData/);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }

  test('a program without TLS does not load node:tls', async () => {
    const code = `require('http').createServer().listen(0).close();
      console.log(process.moduleLoadList.filter((name) => /NativeModule (?:tls|_tls_wrap|internal.tls.wrap)$/.test(name)).length)`;
    const { stdout, stderr } = await new Child('-e', [code], { nodeOptions: BY_IMPORT }).ended;
    assert.deepEqual([stdout, stderr], ['0\n', '']);
  });
});
