/**
 * Programs that a bundler has put into one file, as ES modules and as CommonJS: with koffi beside it they run on a driver of
 * the system, and without it on Node's own sockets. test/package/consumer.test.ts bundles the installed package.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { bundleInto, expectDriverNode, expectSystemDriver, findingsOf, installKoffi } from '../support/bundling.js';
import { Child } from '../support/child.js';

const TIMEOUT = { timeout: 60_000 };

const REASONS = { esm: /Cannot find module '.*overlapped-worker\.js'/, cjs: /this bundle is no ES module/ };

for (const format of ['esm', 'cjs'] as const) {
  describe(`a bundle in the format ${format}`, () => {
    const folder = mkdtempSync(join(tmpdir(), 'overlapped-bundle-'));
    after(() => rmSync(folder, { recursive: true }));

    test('runs without koffi, and says so', TIMEOUT, async () => {
      expectDriverNode(findingsOf(process.execPath, [await bundleInto(folder, format)]));
    });

    test('runs with koffi beside it; threads without the file of the workers are a clear error', TIMEOUT, async () => {
      installKoffi(folder);
      const findings = findingsOf(process.execPath, [await bundleInto(folder, format)]);
      expectSystemDriver(findings);
      assert.match(findings.threads, /^ERR_WORKER_FILE_MISSING: /);
      assert.match(findings.threads, REASONS[format]);
    });

    test('with overlapped/register in it, warns that this must be loaded from its package', TIMEOUT, async () => {
      const program = "import 'overlapped/register';\nconsole.log('goes on');\n";
      const child = new Child(await bundleInto(folder, format, program), []);
      const { exitCode, stdout, stderr } = await child.ended;
      assert.deepEqual([exitCode, stdout], [0, 'goes on\n']);
      assert.match(stderr, /OverlappedNetWarning: .*a bundle has no file for overlapped\/register; load it from the/);
    });
  });
}
