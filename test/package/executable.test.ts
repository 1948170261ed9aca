/**
 * A single executable application (https://nodejs.org/api/single-executable-applications.html): a program in the node binary
 * itself. It finds koffi in the folder of the executable, and runs on Node's own sockets without it.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { bundleInto, expectDriverNode, expectSystemDriver, findingsOf, installKoffi } from '../support/bundling.js';
import { ROOT, runIn } from '../support/packing.js';

const TIMEOUT_MS = 120_000;

describe('a single executable', { timeout: TIMEOUT_MS }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'overlapped-executable-'));
  const executable = join(folder, 'program');
  before(async () => {
    const program = await bundleInto(folder, 'cjs');
    const script = join(ROOT, 'scripts/executable.js');
    runIn(folder, process.execPath, [script, program, executable], TIMEOUT_MS);
  });
  after(() => rmSync(folder, { recursive: true }));

  test('runs without koffi, and says so', () => expectDriverNode(findingsOf(executable)));

  test('runs with koffi beside it; threads are a clear error', () => {
    installKoffi(folder);
    const findings = findingsOf(executable);
    expectSystemDriver(findings);
    assert.match(findings.threads, /^ERR_WORKER_FILE_MISSING: .*this bundle is no ES module/);
  });
});
