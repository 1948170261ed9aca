/**
 * The benchmark suite: `npm run bench`. Every contender in turn, in interleaved rounds, server and load on processors of
 * their own; then a report with medians, spread and ratios.
 */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import Table from 'cli-table3';
import { runTool } from './contenders/tools.js';
import { machine, PROCESSORS_MIN } from './machine.js';
import { parseOptions } from './options.js';
import { LOAD_CPU, pinned, SERVER_CPU } from './places.js';
import { report, wantedTable } from './report/markdown.js';
import { readmeWith } from './report/readme.js';
import { type Table as ReportTable, tableOf } from './report/tables.js';
import type { Cell, Found, Results } from './results.js';
import { type Plan, prepareAll, runScenario } from './suite.js';

const MINUTE_MS = 60_000;

function say({ head, rows }: ReportTable): void {
  const table = new Table({ head: [...head], style: { head: [], border: [] } });
  table.push(...rows.map((row) => [...row]));
  console.log(table.toString());
}

/** A line that the next one overwrites, for who watches. */
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

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** What was typed, as it can be typed again. */
function commandLine(words: readonly string[]): string {
  const shown = words.map((word) => (/\s/.test(word) ? `'${word}'` : word));
  const options = process.env.NODE_OPTIONS ?? '';
  const environment = options === '' ? [] : [`NODE_OPTIONS='${options}'`];
  return [...environment, 'npm run bench', ...(shown.length > 0 ? ['--', ...shown] : [])].join(' ');
}

async function measureAll(plan: Plan, keep: (results: Results) => void): Promise<Results> {
  const began = Date.now();
  const contenders = prepareAll(plan.contenders, {
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
  const resultsNow = (): Results => ({
    date: new Date(began).toISOString().slice(0, 10),
    command: commandLine(process.argv.slice(2)),
    machine: machine(),
    quick: plan.quick,
    rounds: plan.rounds,
    measureMs: plan.measureMs,
    minutes: Math.ceil((Date.now() - began) / MINUTE_MS),
    contenders,
    cells,
  });
  for (const scenario of plan.scenarios) {
    const measured = await runScenario(scenario, here, (turn, round) =>
      note(`${scenario.name}, round ${round + 1} of ${plan.rounds}: ${turn.map(({ name }) => name).join(', ')}`),
    );
    note('');
    cells.push(...measured);
    if (measured.length > 0) {
      keep(resultsNow());
      console.log(`\n${scenario.name}: ${scenario.title}`);
      say(tableOf(resultsNow(), scenario));
    }
    for (const { contender, failure } of measured.filter((cell) => cell.failure !== undefined)) {
      console.log(`${contender} failed: ${failure}`);
    }
  }
  return resultsNow();
}

async function main(): Promise<void> {
  const { plan, from, reportFolder, samplesFile, readme } = parseOptions(process.argv.slice(2));
  const why = from === undefined ? lack() : undefined;
  if (why !== undefined) {
    console.error(`bench: Cannot measure: ${why}`);
    process.exitCode = 1;
    return;
  }
  const results =
    from === undefined
      ? await measureAll(plan, (some) => write(samplesFile, JSON.stringify(some)))
      : (JSON.parse(readFileSync(from, 'utf8')) as Results);
  const wanted = wantedTable(results);
  if (wanted.rows.length > 0) {
    console.log('\nRatios, and what is wanted:');
    say(wanted);
  }
  for (const { path, text } of report(results)) {
    write(join(reportFolder, path), text);
  }
  if (readme !== undefined) {
    write(readme, readmeWith(readFileSync(readme, 'utf8'), results));
  }
  console.log(
    `\nThe report is in ${relative('.', join(reportFolder, 'RESULTS.md'))}, its samples in ${relative('.', samplesFile)}`,
  );
  process.exitCode = results.cells.some(({ failure }) => failure !== undefined) ? 1 : 0;
}

await main();
