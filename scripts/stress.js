/**
 * Terminates hundreds of workers in traffic, on each driver of Linux, and looks whether the kernel wrote into memory that
 * was freed. Needs a C compiler (`cc`). `npm run stress -- --deaths 500`, or for one driver `npm run stress -- --driver epoll`.
 */

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import CliTable from 'cli-table3';
import { Command } from 'commander';
import { fail, ROOT, run } from './tools.js';

/** `io_uring` without DEFER_TASKRUN is not offered in workers: `auto` then takes epoll. */
const RUNS = [
  { title: 'io_uring', driver: 'io_uring', disabledFeatures: '' },
  { title: 'auto without DEFER_TASKRUN', driver: 'auto', disabledFeatures: 'defer_taskrun' },
  { title: 'epoll', driver: 'epoll', disabledFeatures: '' },
  { title: 'epoll without io_submit', driver: 'epoll', disabledFeatures: 'batched_calls' },
  { title: 'select', driver: 'select', disabledFeatures: '' },
];
const RUN_TIMEOUT_MS = 1_800_000;

const options = new Command('stress')
  .description('Terminates workers in traffic, and looks for writes into freed memory')
  .option('--deaths <count>', 'how many workers die on each driver', Number, 500)
  .option('--driver <name>', 'only the runs on this driver')
  .parse()
  .opts();

const prepared = run(process.execPath, [join(ROOT, 'scripts/prepare.js')]);
if (prepared.exitCode !== 0) {
  process.exit(prepared.exitCode);
}
const folder = join(ROOT, '.cache/stress');
mkdirSync(folder, { recursive: true });
const library = join(folder, 'write-after-free.so');
const source = join(ROOT, 'scripts/stress/write-after-free.c');
const compiled = run('cc', ['-O2', '-shared', '-fPIC', '-o', library, source, '-ldl', '-lpthread']);
if (compiled.exitCode !== 0) {
  fail('Cannot compile write-after-free.c');
}

const table = new CliTable({
  head: [
    'run',
    'driver',
    'workers',
    'threads',
    'MiB echoed',
    'wrong bytes',
    'descriptors',
    'aio contexts',
    'written',
    'result',
  ],
  style: { head: [], border: [] },
});
let passed = true;
for (const { title, driver, disabledFeatures } of RUNS.filter(
  (one) => options.driver === undefined || one.driver === options.driver,
)) {
  const program = join(ROOT, 'dist/test/support/programs/stress-workers.js');
  const env = { ...process.env, LD_PRELOAD: library };
  const { exitCode, output } = run(process.execPath, [program, driver, String(options.deaths), disabledFeatures], {
    env,
    quiet: true,
    timeoutMs: RUN_TIMEOUT_MS,
  });
  const found = /^write-after-free: .* (\d+) written$/m.exec(output);
  const json = /^\{.*\}$/m.exec(output);
  if (exitCode !== 0 || found === null || json === null) {
    console.error(`${title}: ended with ${exitCode}\n${output}`);
    passed = false;
    continue;
  }
  const { terminatedWorkers, terminatedThreads, echoedBytes, wrongBytes, before, after, ...rest } = JSON.parse(json[0]);
  const right =
    Number(found[1]) === 0 &&
    wrongBytes === 0 &&
    after.descriptors <= before.descriptors &&
    after.contexts <= before.contexts;
  passed &&= right;
  table.push([
    title,
    rest.driver,
    terminatedWorkers,
    terminatedThreads,
    Math.round(echoedBytes / 2 ** 20),
    wrongBytes,
    `${before.descriptors} to ${after.descriptors}`,
    `${before.contexts} to ${after.contexts}`,
    found[1],
    right ? 'right' : 'wrong',
  ]);
  console.error(output.replace(json[0], '').trim());
}
console.log(table.toString());
process.exit(passed ? 0 : 1);
