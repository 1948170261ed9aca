/** The run: every contender in each scenario, in rounds, so that a change of the machine's speed hits all alike. */

import { setImmediate as nextIteration } from 'node:timers/promises';
import { nextRandom } from '../src/cli/bench/random-bytes.js';
import type { Contender } from './contender.js';
import { METRICS, OTHERS_SHARE_MAX } from './figures.js';
import type { Sample } from './load/order.js';
import { LoadProcess } from './load-process.js';
import { Entrant, type Timing } from './measure.js';
import type { Cell, Found } from './results.js';
import { isAlone, type Scenario } from './scenarios/scenario.js';

export interface Plan extends Timing {
  readonly rounds: number;
  readonly contenders: readonly Contender[];
  /** They were chosen by name. */
  readonly chosen: boolean;
  readonly scenarios: readonly Scenario[];
  /** Aborted when the run is to end before its end. */
  readonly signal: AbortSignal;
}

/** Called with each contender that is being prepared. */
export interface PreparationListener {
  preparing(contender: Contender): void;
  found(found: Found): void;
}

/** Prepares all contenders, and finds out which can run here. A signal is handled between two of them. */
export async function prepareAll(
  { contenders, signal }: Plan,
  listener: PreparationListener,
): Promise<readonly Found[]> {
  const all: Found[] = [];
  for (const contender of contenders) {
    listener.preparing(contender);
    const { name, title, remote = false } = contender;
    const found = { name, title, remote, ...contender.prepare() };
    await nextIteration();
    signal.throwIfAborted();
    listener.found(found);
    all.push(found);
  }
  return all;
}

/**
 * Whether a contender has a program for a scenario, and is wanted in it.
 * @param chosen whether contenders were chosen by name
 */
export function takesPart({ name, roles, remote }: Contender, scenario: Scenario, chosen: boolean): boolean {
  const { role, wine, contenders } = scenario;
  const isWanted = chosen || contenders === undefined || contenders.includes(name);
  return isWanted && roles.includes(role) && (remote === true) === (wine === true);
}

/** A failure takes the longest: a contender that has failed this many times in a row is not tried again. */
const FAILURES_MAX = 2;

/**
 * Turns of one contender that may be repeated in a scenario: a machine that is busy all the time is not to make the run
 * longer for ever.
 */
const REPEATS_MAX = 2;

/** Repeats of a contender that have not been needed. */
interface Repeats {
  left: number;
}

/** Measures again where other programs disturb, while repeats are left; of several samples it is the one they disturbed least. */
export async function quietest(measure: () => Promise<Sample>, repeats: Repeats): Promise<Sample> {
  let best = await measure();
  while (METRICS.othersBusy(best) > OTHERS_SHARE_MAX && repeats.left > 0) {
    repeats.left--;
    const again = await measure();
    best = METRICS.othersBusy(again) < METRICS.othersBusy(best) ? again : best;
  }
  return best;
}

/** The same in another order, which `seed` decides: in each run the same. */
export function shuffled<T>(all: readonly T[], seed: number): readonly T[] {
  const left = [...all];
  let state = seed + 1;
  return all.map(() => {
    state = nextRandom(state);
    return left.splice(state % left.length, 1)[0] as T;
  });
}

class Row {
  readonly contender: Contender;
  readonly entrant: Entrant;
  readonly #scenario: Scenario;
  readonly #signal: AbortSignal;
  readonly #samples: Sample[] = [];
  readonly #repeats: Repeats;
  #turns = 0;
  #failures = 0;
  #failuresInARow = 0;
  #failure: string | undefined;

  constructor(contender: Contender, scenario: Scenario, plan: Plan) {
    this.contender = contender;
    this.entrant = new Entrant(contender, scenario, plan);
    this.#scenario = scenario;
    this.#repeats = { left: isAlone(scenario) ? REPEATS_MAX : 0 };
    this.#signal = plan.signal;
  }

  get hasGivenUp(): boolean {
    return this.#failuresInARow === FAILURES_MAX;
  }

  async warmUp(load: LoadProcess): Promise<void> {
    await this.#try(() => this.entrant.warmUp(load));
  }

  async measure(load: LoadProcess): Promise<void> {
    await this.#try(async () => {
      this.#samples.push(await quietest(() => this.entrant.measure(load), this.#repeats));
    });
  }

  async #try(turn: () => Promise<void>): Promise<void> {
    this.#signal.throwIfAborted();
    this.#turns++;
    try {
      await turn();
      this.#failuresInARow = 0;
    } catch (error) {
      this.#signal.throwIfAborted();
      this.#failures++;
      this.#failuresInARow++;
      this.#failure ??= (error as Error).message;
    }
  }

  cell(): Cell {
    const cell = { scenario: this.#scenario.name, contender: this.contender.name };
    if (this.#failure === undefined) {
      return { ...cell, samples: this.#samples };
    }
    // The other samples of a contender that failed are worth nothing.
    const share = this.#failures < this.#turns ? `, in ${this.#failures} of ${this.#turns} turns` : '';
    return { ...cell, samples: [], failure: `${this.#failure}${share}` };
  }
}

/** Called with the contenders that are measured next. */
export type TurnListener = (contenders: readonly Contender[], round: number | 'warm-up') => void;

/** Measures one scenario. A contender that fails is started anew for its next measurement, a few times. */
export async function runScenario(scenario: Scenario, plan: Plan, measuring: TurnListener): Promise<readonly Cell[]> {
  const { sideBySide = 1, roundsMax = Infinity } = scenario;
  const rows = plan.contenders
    .filter((contender) => takesPart(contender, scenario, plan.chosen))
    .map((contender) => new Row(contender, scenario, plan));
  const loads = Array.from({ length: sideBySide }, () => new LoadProcess());
  // All of them before a round, so that the rounds are alike.
  const warmUp = async (): Promise<void> => {
    for (const row of rows.filter(({ entrant, hasGivenUp }) => entrant.warmsUpFirst && !hasGivenUp)) {
      measuring([row.contender], 'warm-up');
      await row.warmUp(loads[0] as LoadProcess);
    }
  };
  try {
    await warmUp();
    const rounds = Math.min(plan.rounds, roundsMax);
    for (let round = 0; round < rounds; round++) {
      if (scenario.renews === true && round > 0 && round === Math.ceil(rounds / 2)) {
        await Promise.all(rows.map(({ entrant }) => entrant.end()));
        await warmUp();
      }
      // In another order each time, so that none always follows the same one.
      const inOrder = shuffled(rows, round);
      const going = inOrder.filter(({ hasGivenUp }) => !hasGivenUp);
      while (going.length > 0) {
        const turn = going.splice(0, sideBySide);
        measuring(
          turn.map(({ contender }) => contender),
          round,
        );
        await Promise.all(turn.map((row, place) => row.measure(loads[place] as LoadProcess)));
      }
    }
  } finally {
    await Promise.all([...loads.map((load) => load.stop()), ...rows.map(({ entrant }) => entrant.end())]);
  }
  return rows.map((row) => row.cell());
}
