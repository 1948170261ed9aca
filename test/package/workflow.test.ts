/** The workflow file for a public forge, which runs nowhere yet: actionlint checks its syntax, its keys and its expressions. */

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT, runAnyIn } from '../support/packing.js';

const TIMEOUT = { timeout: 120_000 };
const FILE = join(ROOT, '.github/workflows/test.yml');

const lint = (...files: string[]) => runAnyIn(ROOT, process.execPath, ['scripts/workflow.js', ...files]);

test('the workflow file has no mistake that can be found without running it', TIMEOUT, () => {
  const { status, stdout, stderr } = lint();
  assert.deepEqual([status, stdout, stderr], [0, '', '']);
});

test('a mistake in it is found', TIMEOUT, () => {
  const folder = mkdtempSync(join(tmpdir(), 'overlapped-workflow-'));
  try {
    const broken = join(folder, 'broken.yml');
    writeFileSync(broken, readFileSync(FILE, 'utf8').replace('matrix.node }}', 'matrix.version }}'));
    const { status, stdout } = lint(broken);
    assert.equal(status, 1);
    assert.match(stdout, /broken\.yml:\d+:\d+: property "version" is not defined/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
