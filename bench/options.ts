/** The command line of the suite. */

import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { MAIN_CONTENDERS } from './contender.js';
import { chosenContenders } from './contenders/all.js';
import { CACHE } from './paths.js';
import type { RunKind } from './results.js';
import { chosenScenarios, SCENARIOS } from './scenarios/all.js';
import { GROWTH_SCENARIOS } from './scenarios/growth.js';
import { PROGRAM_SCENARIOS } from './scenarios/programs.js';
import type { Scenario } from './scenarios/scenario.js';
import { TLS_SCENARIOS } from './scenarios/tls.js';
import type { Plan } from './suite.js';

interface Words {
  readonly quick: boolean;
  readonly growth: boolean;
  readonly programs: boolean;
  readonly tls: boolean;
  readonly scenario?: readonly string[];
  readonly contender?: readonly string[];
  readonly rounds?: number;
  readonly seconds?: number;
  readonly output?: string;
  readonly from?: string;
}

export interface Options {
  readonly plan: Plan;
  /** Every scenario and contender, with the usual rounds and times. */
  readonly whole: boolean;
  readonly kind: RunKind;
  /** The folder of the report; undefined for the default. */
  readonly output: string | undefined;
  /** The file of the samples that the report is made from. */
  readonly samplesFile: string;
  /** A file of samples to make the report from, instead of measuring. */
  readonly from: string | undefined;
}

/**
 * Warm-up of each server after its start: time for V8 and JavaScriptCore to compile the hot paths, in threads whose
 * time counts as the server's. A server in use has done that long ago.
 */
const FIRST_WARM_UP_MS = 2000;

/** The defaults. */
const WHOLE = {
  rounds: 4,
  firstWarmUpMs: FIRST_WARM_UP_MS,
  warmUpMs: 300,
  measureMs: 700,
  contenders: undefined,
} as const;
/** One short round. */
const QUICK = {
  rounds: 1,
  // It would take half of the time, so the warm-up of the round must be enough.
  firstWarmUpMs: 0,
  warmUpMs: 500,
  measureMs: 250,
  contenders: MAIN_CONTENDERS,
} as const;

/** There are many points, and each needs little time. */
const GROWTH = {
  ...WHOLE,
  rounds: 3,
  firstWarmUpMs: 1000,
  warmUpMs: 200,
  measureMs: 400,
  contenders: MAIN_CONTENDERS,
} as const;

const ROUNDS_MAX = 1000;
const SECONDS_MAX = 3600;

function number(least: number, most: number, whole: boolean): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!(value >= least && value <= most) || (whole && !Number.isInteger(value))) {
      throw new InvalidArgumentError(`expected a number from ${least} to ${most}`);
    }
    return value;
  };
}

/** The options of the command line. Ends the process if they make no sense. */
export function parseOptions(argv: readonly string[], signal: AbortSignal): Options {
  const command = new Command('bench')
    .description('Measures network servers beside each other and reports it.')
    .option('--quick', 'one short round, fewer connections and contenders: under three minutes', false)
    .option('--growth', 'how cost grows with connections and size, in charts: under ten minutes', false)
    .option(
      '--programs',
      'unchanged programs on stock Node, with overlapped under them, and on Bun: fifteen minutes',
      false,
    )
    .option('--tls', 'servers over TLS: under ten minutes', false)
    .option('--scenario <names...>', 'only these scenarios')
    .option('--contender <names...>', 'only these contenders, or NAME=COMMAND')
    .option('--rounds <count>', 'rounds', number(1, ROUNDS_MAX, true))
    .option('--seconds <seconds>', 'time of each measurement', number(0.05, SECONDS_MAX, false))
    .option('--output <folder>', 'where the report goes; bench for a whole run, .cache/bench/report for others')
    .option('--from <file>', 'make the report again, from the samples of a run');
  const words = command.parse([...argv], { from: 'user' }).opts<Words>();
  try {
    return optionsOf(words, signal);
  } catch (error) {
    return command.error(`bench: ${(error as Error).message}`);
  }
}

/** @throws Error if the words choose several kinds */
function kindOf(words: Words): RunKind {
  const [kind = 'suite', ...more] = (['growth', 'programs', 'tls'] as const).filter((name) => words[name]);
  if (more.length > 0) {
    throw new Error(`Cannot measure: found --${kind} and --${more.join(' and --')}, wanted one of them`);
  }
  return kind;
}

function usualScenarios(kind: RunKind, quick: boolean): readonly Scenario[] {
  switch (kind) {
    case 'growth':
      return GROWTH_SCENARIOS;
    case 'programs':
      return PROGRAM_SCENARIOS;
    case 'tls':
      return TLS_SCENARIOS;
    default:
      return SCENARIOS.filter(({ notQuick }) => !(quick && notQuick === true));
  }
}

function optionsOf(words: Words, signal: AbortSignal): Options {
  const kind = kindOf(words);
  const usual = words.quick ? QUICK : kind === 'growth' ? GROWTH : WHOLE;
  const scenarios = chosenScenarios(words.scenario, usualScenarios(kind, words.quick));
  const measureMs = words.seconds === undefined ? usual.measureMs : words.seconds * 1000;
  const plan: Plan = {
    quick: words.quick,
    rounds: words.rounds ?? usual.rounds,
    measureMs,
    firstWarmUpMs: usual.firstWarmUpMs,
    warmUpMs: usual.warmUpMs,
    contenders: chosenContenders(words.contender ?? contendersOf(words, scenarios) ?? usual.contenders),
    chosen: words.contender !== undefined,
    scenarios,
    signal,
  };
  const chosen = [words.scenario, words.contender, words.rounds, words.seconds];
  return {
    plan,
    whole: !words.quick && chosen.every((each) => each === undefined),
    kind,
    output: words.output,
    samplesFile: words.from ?? join(words.output ?? CACHE, 'samples.json'),
    from: words.from,
  };
}

/** The contenders of programs, or of scenarios that were chosen by name, if each of them names its own. */
function contendersOf(
  { scenario, programs, tls, quick }: Words,
  scenarios: readonly Scenario[],
): readonly string[] | undefined {
  const isChosen =
    programs || tls || (scenario !== undefined && (!quick || scenarios.every(({ unchanged }) => unchanged)));
  if (!isChosen || scenarios.some(({ contenders }) => contenders === undefined)) {
    return undefined;
  }
  return [...new Set(scenarios.flatMap(({ contenders = [] }) => contenders))];
}
