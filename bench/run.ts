/**
 * The benchmark suite: `npm run bench`. Measures every contender in interleaved rounds, server and load on processors
 * of their own; then writes a report with medians, spread and ratios.
 */

import { relative } from 'node:path';
import Table from 'cli-table3';
import { Child } from './child.js';
import { runTool } from './contenders/tools.js';
import { machine, PROCESSORS_MIN, subject, usualDriver } from './machine.js';
import { type Options, parseOptions } from './options.js';
import { LOAD_CPU, pinned, SERVER_CPU } from './paths.js';
import { readResults, writeFile, writeReport } from './report/files.js';
import { lightLoadTable } from './report/light-load.js';
import { targetTable } from './report/markdown.js';
import { programTables } from './report/programs.js';
import { type Table as ReportTable, tableOf } from './report/tables.js';
import { tlsTable } from './report/tls.js';
import { type Cell, type Found, failuresOf, type Results } from './results.js';
import { prepareAll, runScenario } from './suite.js';

const MINUTE_MS = 60_000;

const interruption = new AbortController();

function say({ head, rows }: ReportTable): void {
  const table = new Table({ head: [...head], style: { head: [], border: [] } });
  table.push(...rows.map((row) => [...row]));
  console.log(table.toString());
}

/** A line that the next one overwrites, on a terminal. */
function note(text: string): void {
  if (process.stderr.isTTY) {
    process.stderr.write(`\r\x1b[K${text}`);
  }
}

/** Why nothing can be measured here, or undefined. */
function lack(): string | undefined {
  const { processors } = machine();
  if (processors < PROCESSORS_MIN) {
    return `found ${processors} processor, wanted ${PROCESSORS_MIN}: one for the server and one for the load`;
  }
  for (const cpu of [SERVER_CPU, LOAD_CPU]) {
    const [program = '', ...words] = pinned(cpu, ['true']);
    const { done, output } = runTool(program, words);
    if (!done) {
      return `programs cannot be pinned to processor ${cpu} (util-linux' setpriv and taskset): ${output}`;
    }
  }
  return undefined;
}

/** The command that was typed, as it can be typed again. */
function commandLine(words: readonly string[]): string {
  const shown = words.map((word) => (/\s/.test(word) ? `'${word}'` : word));
  const options = process.env.NODE_OPTIONS ?? '';
  const environment = options === '' ? [] : [`NODE_OPTIONS='${options}'`];
  return [...environment, 'npm run bench', ...(shown.length > 0 ? ['--', ...shown] : [])].join(' ');
}

async function measureAll({ plan, whole, kind }: Options, keep: (results: Results) => void): Promise<Results> {
  const began = Date.now();
  // Before anything of it can change.
  const measured = subject();
  const contenders = await prepareAll(plan, {
    preparing: ({ name }) => note(`making ${name} ready`),
    found({ name, version, missing }: Found) {
      note('');
      console.log(missing === undefined ? `${name}: ${version}` : `${name}: not here: ${missing}`);
    },
  });
  const isHere = (name: string): boolean =>
    contenders.some((found) => found.name === name && found.missing === undefined);
  const here = { ...plan, contenders: plan.contenders.filter(({ name }) => isHere(name)) };
  const cells: Cell[] = [];
  const resultsNow = (finished = false): Results => ({
    date: new Date(began).toISOString().slice(0, 10),
    command: commandLine(process.argv.slice(2)),
    whole,
    kind,
    finished,
    subject: measured,
    node: process.versions.node,
    loadDriver: usualDriver(),
    machine: machine(),
    quick: plan.quick,
    rounds: plan.rounds,
    firstWarmUpMs: plan.firstWarmUpMs,
    warmUpMs: plan.warmUpMs,
    measureMs: plan.measureMs,
    minutes: Math.ceil((Date.now() - began) / MINUTE_MS),
    contenders,
    cells,
  });
  for (const scenario of plan.scenarios) {
    const done = await runScenario(scenario, here, (turn, round) => {
      const what = round === 'warm-up' ? round : `round ${round + 1} of ${plan.rounds}`;
      note(`${scenario.name}, ${what}: ${turn.map(({ name }) => name).join(', ')}`);
    });
    note('');
    cells.push(...done);
    if (done.length > 0) {
      keep(resultsNow());
      console.log(`\n${scenario.name}: ${scenario.title(plan.quick)}`);
      say(tableOf(resultsNow(), scenario));
    }
    for (const { contender, failure } of done.filter((cell) => cell.failure !== undefined)) {
      console.log(`${contender} failed: ${failure}`);
    }
  }
  const results = resultsNow(true);
  keep(results);
  return results;
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2), interruption.signal);
  const { from, output, samplesFile } = options;
  const why = from === undefined ? lack() : undefined;
  if (why !== undefined) {
    throw new Error(`Cannot measure: ${why}`);
  }
  const results =
    from === undefined
      ? await measureAll(options, (some) => writeFile(samplesFile, JSON.stringify(some)))
      : readResults(from);
  const targets = targetTable(results);
  if (targets.rows.length > 0) {
    console.log('\nRatios, with targets in parentheses:');
    say(targets);
  }
  const light = lightLoadTable(results);
  if (light.rows.length > 0) {
    console.log('\nUnder light load:');
    say(light);
  }
  const tls = tlsTable(results);
  if (tls.rows.length > 0) {
    console.log('\nOver TLS:');
    say(tls);
  }
  for (const programs of programTables(results)) {
    console.log('\nUnchanged programs:');
    say(programs);
  }
  const page = writeReport(results, output);
  console.log(`\nThe report is in ${relative('.', page)}, its samples in ${relative('.', samplesFile)}`);
  process.exitCode = failuresOf(results).length > 0 ? 1 : 0;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  // A second signal ends this process at once, and the system ends its programs.
  process.once(signal, async () => {
    interruption.abort(new Error(`Cannot go on: ended by ${signal}`));
    await Child.stopAll();
    process.kill(process.pid, signal);
  });
}

try {
  await main();
} catch (error) {
  console.error(`bench: ${(error as Error).message}`);
  process.exitCode = 1;
}
