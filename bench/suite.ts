/** The run: every contender in each scenario, in rounds, so that a change of the machine's speed hits all alike. */

import type { Contender } from './contender.js';
import type { Sample } from './load/order.js';
import { measure, type Timing } from './measure.js';
import type { Cell, Found } from './results.js';
import type { Scenario } from './scenario.js';

export interface Plan extends Timing {
  readonly rounds: number;
  readonly contenders: readonly Contender[];
  readonly scenarios: readonly Scenario[];
}

/** Told of what is being made ready. */
export interface PreparationListener {
  preparing(contender: Contender): void;
  found(found: Found): void;
}

/** Makes all contenders ready, and finds out which can run here. */
export function prepareAll(contenders: readonly Contender[], listener: PreparationListener): readonly Found[] {
  return contenders.map((contender) => {
    listener.preparing(contender);
    const { name, title, remote = false } = contender;
    const found = { name, title, remote, ...contender.prepare() };
    listener.found(found);
    return found;
  });
}

/** Whether a contender has a program for a scenario. */
function takesPart({ roles, remote }: Contender, { role, wine }: Scenario): boolean {
  return roles.includes(role) && (remote === true) === (wine === true);
}

class Row {
  readonly contender: Contender;
  readonly samples: Sample[] = [];
  failure: string | undefined;

  constructor(contender: Contender) {
    this.contender = contender;
  }

  async measure(scenario: Scenario, timing: Timing): Promise<void> {
    try {
      this.samples.push(await measure(this.contender, scenario, timing));
    } catch (error) {
      this.failure = (error as Error).message;
    }
  }

  cell({ name }: Scenario): Cell {
    const cell = { scenario: name, contender: this.contender.name };
    // What it measured before it failed is worth nothing.
    return this.failure === undefined
      ? { ...cell, samples: this.samples }
      : { ...cell, samples: [], failure: this.failure };
  }
}

/** Measures one scenario. A contender that fails is not tried again: what fails takes the longest. */
export async function runScenario(
  scenario: Scenario,
  plan: Plan,
  measuring: (contenders: readonly Contender[], round: number) => void,
): Promise<readonly Cell[]> {
  const rows = plan.contenders.filter((contender) => takesPart(contender, scenario)).map((each) => new Row(each));
  for (let round = 0; round < Math.min(plan.rounds, scenario.roundsMax ?? Infinity); round++) {
    // Each begins a round once, so that none always follows the same other one.
    const inOrder = [...rows.slice(round % rows.length), ...rows.slice(0, round % rows.length)];
    const going = inOrder.filter(({ failure }) => failure === undefined);
    const { sideBySide = 1 } = scenario;
    while (going.length > 0) {
      const turn = going.splice(0, sideBySide);
      measuring(
        turn.map(({ contender }) => contender),
        round,
      );
      await Promise.all(turn.map((row) => row.measure(scenario, plan)));
    }
  }
  return rows.map((row) => row.cell(scenario));
}
