/** Many peers that hurt as much as they can stay within the limits, and an honest one is served. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { runProgram } from '../support/child.js';

const PEERS = 240;
const HELD_MIB_MAX = 24;

describe('many paused, slow and silent peers', () => {
  for (const driver of ['io_uring', 'epoll', 'select']) {
    test(`held memory stays within its limit on ${driver}`, { timeout: 120_000 }, async () => {
      const result = await runProgram('many-peers', [driver, `${PEERS}`, `${HELD_MIB_MAX}`], { timeoutMs: 110_000 });
      assert.deepEqual([result.exitCode, result.stderr], [0, '']);
      const figures = JSON.parse(result.stdout);
      assert.equal(figures.connections.connected, PEERS + 1);
      assert.ok(figures.heldMiB.most <= HELD_MIB_MAX, result.stdout);
      // The unfinished messages of a third of the peers are three times of what may be held.
      assert.ok(figures.closedAsProcessHeldFull > PEERS / 6, result.stdout);
      assert.equal(figures.closedOtherwise, 0, result.stdout);
      assert.ok(figures.honestAnswers > 0, result.stdout);
      assert.equal(figures.heldBytesAtTheEnd, 0);
    });
  }
});
