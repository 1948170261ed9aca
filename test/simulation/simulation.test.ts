/**
 * The engine on a simulated network: servers and clients, a scenario for each seed, and what must hold checked after
 * each. `npm run sim -- --seeds N` runs more of them.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CLOSE_REASONS } from 'overlapped';
import { NO_FAULTS } from '../../src/drivers/sim/faults.js';
import { describeFailure, runFarm } from './farm.js';
import { runSeed } from './run.js';

const SEEDS = 1000;
const JOBS = 2;
/** The last three have TLS. */
const REPLAYED_SEEDS = [1, 2, 3, 4, 5, 6, 7, 8, 16, 24];

test(`in ${SEEDS} seeds operations complete once, bytes arrive in order, closes are emitted and nothing leaks`, async () => {
  const { failures, coverage, seedsDone } = await runFarm({ from: 1, seeds: SEEDS, jobs: JOBS });
  assert.equal(failures.map(describeFailure).join('\n'), '');
  assert.equal(seedsDone, SEEDS);
  const missing = [
    ...Object.keys(NO_FAULTS).filter((fault) => (coverage.faults[fault] ?? 0) === 0),
    ...CLOSE_REASONS.filter((reason) => !OUT_OF_REACH.has(reason) && (coverage.reasons[reason] ?? 0) === 0),
  ];
  assert.deepEqual(missing, [], 'faults and reasons that no seed reached');
});

/** Reasons that need what the scenarios have not: heartbeats, and an error of the system that is no reset. */
const OUT_OF_REACH: ReadonlySet<string> = new Set(['error', 'heartbeat']);

test('a seed gives the same events each time', async () => {
  for (const seed of REPLAYED_SEEDS) {
    const first = await runSeed(seed);
    const second = await runSeed(seed);
    assert.equal(second.trace, first.trace, `seed ${seed}`);
    assert.deepEqual(second.coverage, first.coverage, `seed ${seed}`);
  }
});
