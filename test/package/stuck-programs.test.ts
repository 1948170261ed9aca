/** Programs that tests start and that take too long explain where they stood. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Child, programPath } from '../support/child.js';
import { inTime } from '../support/harness.js';
import { standingOf } from '../support/standing.js';

const REPORT =
  /stood at: waiting for nothing, since [\d.]+ s\n.*load.*\n( {2}thread \d+ .*: [A-Z], waits in .* % now\n)+/;

test('a program that is stuck is killed, with a report of its stage and its threads', { timeout: 60_000 }, async () => {
  const { exitCode, signal, stderr } = await new Child(programPath('stuck'), [], { timeoutMs: 3000 }).ended;
  assert.deepEqual([exitCode, signal], [null, 'SIGKILL']);
  assert.match(stderr, /^Killed after 3 s\. It /);
  assert.match(stderr, REPORT);
  // The worker, which is busy.
  assert.match(stderr, /thread .*: R, /);
});

test('the stage of a program can be read while its thread is blocked', { timeout: 60_000 }, async () => {
  const child = new Child(programPath('stuck'), []);
  await child.says(/stuck/);
  assert.match(await standingOf(child.process.pid as number), REPORT);
  child.kill();
  await child.ended;
  assert.equal(await standingOf(child.process.pid as number), '');
});

test('a promise is waited for no longer than the test says', async () => {
  assert.equal(await inTime(Promise.resolve(1), 'a value', 1000), 1);
  await assert.rejects(inTime(new Promise(() => undefined), 'the end', 10), /Did not come in 10 ms: the end/);
  await assert.rejects(inTime(Promise.reject(new Error('its own')), 'the end', 1000), /its own/);
});
