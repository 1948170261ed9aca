/** A check, and how it is run in each mode and compared. */

import { type Facts, type Mode, type Setup, Stage } from './stage.js';
import { isInstalled, type Tool } from './tools.js';

/**
 * `quick` checks run with `npm test`: they need little time, and no server of the system. `whole` ones may install and
 * start some; `soak` ones take minutes.
 */
export type Level = 'quick' | 'whole' | 'soak';

export interface Check {
  readonly name: string;
  readonly level: Level;
  /** Programs of the system that it needs. */
  readonly tools?: readonly Tool[];
  /** Both sides run on Node: one of them with the preload, and the other without it, is worth a run too. */
  readonly isMixed?: boolean;
  readonly timeoutMs?: number;
  /** Throws if the program misbehaves; the facts that it returns must be those of stock Node. */
  run(stage: Stage): Promise<Facts>;
}

export interface Run {
  readonly mode: Mode;
  readonly facts: Facts | undefined;
  readonly figures: ReadonlyMap<string, number>;
  readonly error: string;
  readonly ms: number;
}

export interface Outcome {
  readonly name: string;
  readonly verdict: 'passed' | 'failed' | 'skipped';
  /** Why it was skipped, or each difference to stock Node. */
  readonly reasons: readonly string[];
  readonly runs: readonly Run[];
}

const TIMEOUT_MS = 60_000;
const LINES_MAX = 8;
const LENGTH_MAX = 1000;
const MIXED: readonly Mode[] = ['servers', 'clients'];

/** Runs a check in the modes, stock Node first. */
export async function runCheck(check: Check, setup: Setup, modes: readonly Mode[]): Promise<Outcome> {
  const missing = (check.tools ?? []).filter((tool) => !isInstalled(tool));
  if (missing.length > 0) {
    const reasons = [`not installed: ${missing.join(', ')}`];
    return { name: check.name, verdict: 'skipped', reasons, runs: [] };
  }
  const runs: Run[] = [];
  for (const mode of modes.filter((one) => check.isMixed === true || !MIXED.includes(one))) {
    runs.push(await runIn(mode, check, setup));
  }
  const reasons = [
    ...runs.filter(({ error }) => error !== '').map(({ mode, error }) => `${mode}: ${error}`),
    ...runs.slice(1).flatMap((run) => differences(runs[0] as Run, run)),
  ];
  return { name: check.name, verdict: reasons.length === 0 ? 'passed' : 'failed', reasons, runs };
}

async function runIn(mode: Mode, check: Check, setup: Setup): Promise<Run> {
  const stage = new Stage(mode, setup);
  const started = performance.now();
  const run = { mode, facts: undefined, figures: stage.figures, error: '' };
  const elapsed = (): number => Math.round(performance.now() - started);
  const timeoutMs = check.timeoutMs ?? TIMEOUT_MS;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`took longer than ${timeoutMs / 1000} s`)), timeoutMs);
  });
  try {
    return { ...run, facts: await Promise.race([check.run(stage), late]), ms: elapsed() };
  } catch (error) {
    return { ...run, error: messageOf(error), ms: elapsed() };
  } finally {
    clearTimeout(timer);
    await stage.close();
  }
}

function differences(stock: Run, run: Run): string[] {
  if (stock.facts === undefined || run.facts === undefined) {
    return [];
  }
  const names = new Set([...Object.keys(stock.facts), ...Object.keys(run.facts)]);
  return [...names]
    .filter((name) => stock.facts?.[name] !== run.facts?.[name])
    .map((name) => `${run.mode}: ${name} is ${run.facts?.[name]}, on stock Node ${stock.facts?.[name]}`);
}

/** An error without its stack, and of a program's output the lines that say why it failed. */
function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const lines = message.split('\n').filter((line) => line.trim() !== '' && !/^\s+(?:at |\^)|^Node\.js v/.test(line));
  return lines.slice(0, LINES_MAX).join('\n').slice(0, LENGTH_MAX);
}
