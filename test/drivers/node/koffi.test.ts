/** koffi is loaded only when a driver needs it, and the memory of both kinds of port can be used in one process. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runProgram } from '../../support/child.js';

const TIMEOUT = { timeout: 60_000 };

test('a program on the driver node does not load koffi, and one of its ports may follow', TIMEOUT, async () => {
  const result = await runProgram('node-before-system', []);
  assert.deepEqual([result.exitCode, result.stderr], [0, '']);
  const { loadedBefore, loadedAfter, echoed } = JSON.parse(result.stdout);
  assert.deepEqual({ loadedBefore, loadedAfter }, { loadedBefore: false, loadedAfter: true });
  assert.deepEqual(echoed, ['node', 'select', 'node']);
});
