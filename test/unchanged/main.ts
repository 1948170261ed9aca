/** Runs checks and prints their results; scripts/unchanged.js starts it with its choices as JSON. */

import { type Level, type Outcome, type Run, runCheck } from './check.js';
import { CHECKS } from './checks/index.js';
import { installPrograms } from './packages.js';
import type { Mode } from './stage.js';
import { installTools } from './tools.js';

interface Choices {
  readonly words: readonly string[];
  readonly level: Level;
  /** NODE_OPTIONS with the preload; empty without one. */
  readonly nodeOptions: string;
  readonly modes: readonly Mode[];
  /** Prints the facts as well. */
  readonly isVerbose: boolean;
}

const LEVELS: Readonly<Record<Level, readonly Level[]>> = {
  quick: ['quick'],
  whole: ['quick', 'whole'],
  soak: ['soak'],
};

const { words, level, nodeOptions, modes, isVerbose }: Choices = JSON.parse(process.argv[2] ?? '');
const checks = CHECKS.filter(
  (check) =>
    LEVELS[level].includes(check.level) && (words.length === 0 || words.some((word) => check.name.includes(word))),
);
if (checks.length === 0) {
  console.error(
    `unchanged: Cannot test: no check has such a name; the names are ${CHECKS.map(({ name }) => name).join(', ')}`,
  );
  process.exit(1);
}
const refused = level === 'whole' ? installTools(checks.flatMap(({ tools }) => tools ?? [])) : undefined;
if (refused !== undefined) {
  console.error(`unchanged: Cannot install all tools, some checks are skipped: ${refused}`);
}
// The programs end with this process.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => process.exit(1));
}
const setup = { programs: installPrograms(), nodeOptions };
const outcomes: Outcome[] = [];
for (const check of checks) {
  const outcome = await runCheck(check, setup, modes);
  outcomes.push(outcome);
  print(outcome);
}
const count = (verdict: Outcome['verdict']): number => outcomes.filter((outcome) => outcome.verdict === verdict).length;
console.log(`${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped`);
process.exit(count('failed') === 0 ? 0 : 1);

function print({ name, verdict, reasons, runs }: Outcome): void {
  const seconds = runs.map(({ ms }) => (ms / 1000).toFixed(1)).join(' / ');
  console.log(`${verdict.padEnd(7)} ${name}${seconds === '' ? '' : `, ${seconds} s`}`);
  for (const reason of reasons) {
    console.log(`          ${reason.trim().replaceAll('\n', '\n          ')}`);
  }
  for (const [fact, value] of Object.entries((isVerbose && runs[0]?.facts) || {})) {
    console.log(`          ${fact}: ${JSON.stringify(value)}`);
  }
  for (const figure of new Set(runs.flatMap(({ figures }) => [...figures.keys()]))) {
    console.log(`          ${figure}: ${figuresOf(runs, figure)}`);
  }
}

/** A figure in each mode, and for the others than stock Node the ratio to it. */
function figuresOf(runs: readonly Run[], name: string): string {
  const [stock] = runs.map(({ figures }) => figures.get(name));
  return runs
    .map(({ mode, figures }) => {
      const value = figures.get(name);
      const ratio = mode !== 'stock' && value !== undefined && stock ? ` (${(value / stock).toFixed(2)})` : '';
      return `${mode} ${value === undefined ? 'unknown' : readable(value)}${ratio}`;
    })
    .join(', ');
}

/** Three digits of a fraction, and all of a count. */
function readable(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(3)));
}
