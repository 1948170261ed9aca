/** The tests of TLS with the system's OpenSSL, as in runtimes that export none of their own. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createSecureContext } from 'overlapped';
import { isLack, openSsl } from '../../src/ffi/openssl.js';
import { contextOptions } from './context-options.js';
import { tlsSuite } from './suite.js';

process.env.OVERLAPPED_OPENSSL = 'system';

const found = openSsl();

describe("the system's OpenSSL", { skip: isLack(found) && `it is not there: ${found.reason}` }, () => {
  tlsSuite('io_uring');

  describe('options of contexts', () => contextOptions());

  test('options that only node:tls can honour are errors', () => {
    for (const options of [{ secureProtocol: 'TLSv1_2_method' }, { clientCertEngine: 'one' }]) {
      assert.throws(() => createSecureContext(options), { code: 'ERR_INVALID_ARG_VALUE' });
    }
  });

  test('text without a certificate, key or parameters is an error', () => {
    for (const options of [{ ca: 'none' }, { cert: 'none' }, { key: 'none' }, { dhparam: 'none' }]) {
      assert.throws(() => createSecureContext(options), /no start line|unsupported/i);
    }
  });

  test('without the library, TLS is not available, and the error says what to do', () => {
    const folder = mkdtempSync(join(tmpdir(), 'overlapped-libssl-'));
    writeFileSync(join(folder, 'libssl.so.3'), '');
    const program = `
      import { createSecureContext } from 'overlapped';
      try { createSecureContext(); } catch (error) { console.log(error.code, error.message); }`;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
      cwd: new URL('../../../', import.meta.url),
      encoding: 'utf8',
      env: { ...process.env, LD_LIBRARY_PATH: folder },
    });
    rmSync(folder, { recursive: true });
    assert.match(stdout, /^ERR_TLS_UNAVAILABLE .*TLS is not available: .*; install OpenSSL 3 \(libssl\.so\.3\)/);
  });
});
