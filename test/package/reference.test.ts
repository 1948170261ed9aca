/** The API reference: TypeDoc builds it without a warning, so every exported name is documented. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { system } from '../support/system.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const TEST_TIMEOUT_MS = 120_000 * system.patience;

test('the API reference is built without a warning', { timeout: TEST_TIMEOUT_MS }, () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/docs.js'], { cwd: ROOT, encoding: 'utf8' });
  assert.equal(status, 0, `${stdout}${stderr}`);
});
