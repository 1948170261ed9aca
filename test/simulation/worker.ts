/**
 * A process that runs seeds for `farm.ts`: every so many'th from the first. It tells its parent which seed it is at, what
 * failed, and in the end what all of them reached.
 */

import { addCoverage, emptyCoverage } from './coverage.js';
import type { Report } from './farm.js';
import { runSeed } from './run.js';

/** Time for what was told to be on its way. */
const LEAVE_MS = 500;

function tell(report: Report): void {
  process.send?.(report);
}

const [first = 1, step = 1, seeds = 0] = process.argv.slice(2).map(Number);
const coverage = emptyCoverage();
for (let index = 0; index < seeds; index++) {
  const seed = first + index * step;
  tell({ kind: 'seed', seed });
  const outcome = await runSeed(seed);
  addCoverage(coverage, outcome.coverage);
  if (outcome.failure !== undefined) {
    tell({ kind: 'failure', seed, message: outcome.failure.stack ?? outcome.failure.message });
  }
}
tell({ kind: 'coverage', coverage });
process.disconnect?.();
// What a seed that failed has left open is not to keep the process.
setTimeout(() => process.exit(), LEAVE_MS).unref();
