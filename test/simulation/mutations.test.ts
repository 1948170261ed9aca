/** The engine, broken on purpose: the simulation finds each break within 1,000 seeds. */

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { describeFailure, runFarm } from './farm.js';
import { BrokenCopy, MUTATIONS, mutated } from './mutations.js';

const SEEDS = 1000;
const SEEDS_UNBROKEN = 40;
/** Most breaks are noticed sooner than a second process would have started. */
const JOBS = 1;

describe('mutations', () => {
  const copy = new BrokenCopy();
  after(() => copy.remove());

  test('the copy works before it is broken', async () => {
    const { failures } = await runFarm({ from: 1, seeds: SEEDS_UNBROKEN, jobs: JOBS, worker: copy.worker });
    assert.equal(failures.map(describeFailure).join('\n'), '');
  });

  for (const mutation of MUTATIONS) {
    test(mutation.name, async (context) => {
      const mend = copy.break(mutation);
      try {
        const { failures } = await runFarm({
          from: 1,
          seeds: SEEDS,
          jobs: JOBS,
          worker: copy.worker,
          stopAtFirst: true,
        });
        const [first] = failures;
        assert(first !== undefined, `no seed of ${SEEDS} has noticed`);
        context.diagnostic(`noticed at seed ${first.seed}: ${first.message.split('\n')[0]}`);
      } finally {
        mend();
      }
    });
  }

  test('a mutation whose code is no longer found is an error that names it', () => {
    const mutation = { name: 'some', file: 'a.js', found: 'here', replacement: 'there' };
    assert.equal(mutated('it is here', mutation), 'it is there');
    for (const text of ['', 'here and here']) {
      assert.throws(() => mutated(text, mutation), /exactly once in a\.js, and it is there [02] times/);
    }
  });
});
