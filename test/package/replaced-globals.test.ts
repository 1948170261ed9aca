/** Fake timers, and environments without Node's globals: connections are real there all the same. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { runProgram } from '../support/child.js';
import { system } from '../support/system.js';

for (const [how, what] of [
  ['replaced', 'timers and clocks that a test has replaced'],
  ['missing', 'globals that are missing'],
] as const) {
  describe(`with ${what}`, () => {
    for (const driver of system.drivers) {
      test(`${driver} echoes, and keeps its time limits`, { timeout: 60_000 }, async () => {
        const { stdout, stderr } = await runProgram('replaced-globals', [driver, how], { timeoutMs: 20_000 });
        assert.notEqual(stdout, '', stderr);
        const { echoed, closes } = JSON.parse(stdout);
        assert.equal(echoed, 'ping');
        assert.deepEqual(closes.sort(), ['finished', 'first_byte_timeout']);
      });
    }
  });
}
