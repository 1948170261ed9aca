/**
 * A process that runs seeds for `farm.ts`: every n-th one from the first. It reports to its parent which seed it runs,
 * the failures, and in the end the coverage.
 */

import { addCoverage, emptyCoverage } from './coverage.js';
import type { Report } from './farm.js';
import { runSeed } from './run.js';

/** Time for bytes in flight to arrive. */
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
// A failed seed may have left sockets open, which would keep the process.
setTimeout(() => process.exit(), LEAVE_MS).unref();
