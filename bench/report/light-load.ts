/** The targets under light load: a row for each scenario and each driver that overlapped may choose on Linux. */

import { cellOf, type Metric } from '../figures.js';
import type { Results } from '../results.js';
import { SCENARIOS } from '../scenarios/all.js';
import type { Table } from './tables.js';
import {
  CHOSEN_ON_LINUX,
  REFERENCES,
  type Reached,
  type Reference,
  reachedOf,
  reachedText,
  type TargetLine,
} from './targets.js';

/** A column: the ratio of a metric to a reference. Without a limit it is no target. */
interface Compared {
  readonly head: string;
  readonly metric: Metric;
  readonly reference: Reference;
  readonly most?: number;
}

const COMPARED: readonly Compared[] = [
  { head: 'CPU per message', metric: 'cpu', reference: 'node:net', most: 0.9 },
  { head: 'CPU per message', metric: 'cpu', reference: 'Bun', most: 1.1 },
  { head: 'CPU per message', metric: 'cpu', reference: 'the better C' },
  { head: 'median latency', metric: 'p50', reference: 'node:net', most: 1 },
  { head: 'p99 latency', metric: 'p99', reference: 'node:net', most: 1 },
];

const lineOf = (scenario: string, { head, metric, reference, most }: Compared): TargetLine => ({
  title: head,
  scenario,
  metric,
  less: true,
  ratios: REFERENCES.map((name) => (name === reference ? most : undefined)),
});

/** The targets for which a run has figures. */
export function lightLoadTable(results: Results): Table {
  const scenarios = SCENARIOS.filter(({ lightLoad }) => lightLoad === true);
  const rows = scenarios.flatMap(({ name }) =>
    CHOSEN_ON_LINUX.filter((driver) => cellOf(results, name, driver) !== undefined).map((driver) => [
      `\`${name}\`, \`${driver}\``,
      ...COMPARED.map((compared) => {
        const line = lineOf(name, compared);
        const found = reachedOf(results, line, driver)?.[REFERENCES.indexOf(compared.reference)] as Reached;
        return reachedText(line, found, results.quick);
      }),
    ]),
  );
  return {
    head: ['light load', ...COMPARED.map(({ head, reference }) => `${head}, to ${reference}`)],
    rows,
  };
}
