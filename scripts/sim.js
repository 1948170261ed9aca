/**
 * Runs the simulation: servers and clients of the engine on a simulated network, one scenario for each seed, and checks the
 * invariants after each. `npm run sim -- --seeds 10000` runs many on all cores, `npm run sim -- --seed 123` replays one.
 */

import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { SingleBar } from 'cli-progress';
import CliTable from 'cli-table3';
import { Command } from 'commander';
import { ROOT, run } from './tools.js';
import { whole } from './whole-number.js';

/** @import { Coverage } from '../dist/test/simulation/coverage.js' */

const SEED_MAX = 2 ** 31 - 1;
const FAILURES_SHOWN_MAX = 10;

const command = new Command('sim')
  .description('Runs the engine on a simulated network, through many seeds')
  .option('--seeds <count>', 'number of seeds', whole(1, SEED_MAX), 1000)
  .option('--from <seed>', 'first seed', whole(1, SEED_MAX), 1)
  .option('--seed <seed>', 'runs only this seed, twice in this process, and compares the runs', whole(1, SEED_MAX))
  .option('--tls', 'runs only seeds with TLS: the first one from --from on, and those after it')
  .option('--jobs <count>', 'number of processes', whole(1, SEED_MAX), availableParallelism())
  .option('--stop', 'stops at the first failure')
  .parse();
const options = command.opts();

const prepared = run(process.execPath, [join(ROOT, 'scripts/prepare.js')]);
if (prepared.exitCode !== 0) {
  process.exit(prepared.exitCode);
}
const passed = await (options.seed === undefined ? runMany() : replay(options.seed));
// A seed that failed may have left sockets open, which would keep the process.
process.exit(passed ? 0 : 1);

/** @param {string} name */
function load(name) {
  return import(pathToFileURL(join(ROOT, 'dist/test/simulation', name)).href);
}

/**
 * Runs one seed twice; both runs must have the same events.
 * @param {number} seed
 */
async function replay(seed) {
  const { runSeed } = await load('run.js');
  const first = await runSeed(seed);
  const second = await runSeed(seed);
  printCoverage(first.coverage);
  console.log(`seed ${seed}: events and their hash ${first.trace}`);
  if (first.trace !== second.trace) {
    console.error(`sim: Cannot repeat seed ${seed}: ${first.trace}, then ${second.trace}`);
  }
  if (first.failure !== undefined) {
    console.error(first.failure.stack);
  }
  return first.failure === undefined && first.trace === second.trace;
}

async function runMany() {
  const { describeFailure, runFarm } = await load('farm.js');
  const { SEEDS_WITH_TLS_APART } = await load('secure.js');
  const apart = options.tls === true ? SEEDS_WITH_TLS_APART : 1;
  const bar = process.stderr.isTTY
    ? new SingleBar({
        format: '{bar} {value}/{total} seeds | {failures} failed | {eta} s left',
        stream: process.stderr,
        clearOnComplete: true,
        barsize: 30,
      })
    : undefined;
  bar?.start(options.seeds, 0, { failures: 0 });
  const result = await runFarm({
    from: Math.ceil(options.from / apart) * apart,
    apart,
    seeds: options.seeds,
    jobs: options.jobs,
    stopAtFirst: options.stop === true,
    onProgress: (/** @type {number} */ seedsDone, /** @type {number} */ failures) =>
      bar?.update(seedsDone, { failures }),
  });
  bar?.stop();
  const { failures, coverage, seedsDone, elapsedMs } = result;
  printCoverage(coverage);
  for (const failure of failures.slice(0, FAILURES_SHOWN_MAX)) {
    console.error(`\n${describeFailure(failure)}`);
  }
  const seconds = elapsedMs / 1000;
  const number = (/** @type {number} */ value) => Math.round(value).toLocaleString('en');
  console.log(
    `${number(seedsDone)} seeds, ${number(coverage.events)} events, ${number(coverage.bytes)} bytes in ${seconds.toFixed(1)} s ` +
      `(${number(seedsDone / seconds)} seeds/s in ${options.jobs} processes), ${failures.length} failed`,
  );
  return failures.length === 0;
}

/** @param {Coverage} coverage */
function printCoverage(coverage) {
  const titles = /** @type {const} */ ({
    faults: 'fault',
    reasons: 'end of a connection',
    errors: 'error',
    completions: 'completion',
    roles: 'role',
    marks: 'event',
  });
  for (const group of /** @type {(keyof typeof titles)[]} */ (Object.keys(titles))) {
    const title = titles[group];
    const rows = Object.entries(coverage[group]).sort(([, one], [, other]) => other - one);
    const table = new CliTable({
      head: [title, 'times'],
      style: { head: [], border: [] },
      colAligns: ['left', 'right'],
    });
    table.push(...rows.map(([what, times]) => [what, times.toLocaleString('en')]));
    console.log(table.toString());
  }
}
