/** The targets under light load: a row for each scenario and each driver that overlapped may choose on Linux. */

import type { Metric } from '../figures.js';
import type { Results } from '../results.js';
import { SCENARIOS } from '../scenarios.js';
import type { Table } from './tables.js';
import { REFERENCES, type Reached, reachedOf, reachedText, type TargetLine } from './targets.js';

const DRIVERS = ['engine:io_uring', 'engine:epoll'] as const;

/** A column: the ratio of a metric to a reference, given by its place in `REFERENCES`. Without a limit it is no target. */
interface Compared {
  readonly head: string;
  readonly metric: Metric;
  readonly reference: number;
  readonly most?: number;
}

const NODE_NET = 0;
const BUN = 1;
const BETTER_C = 2;

const COMPARED: readonly Compared[] = [
  { head: 'CPU per message', metric: 'cpu', reference: NODE_NET, most: 0.9 },
  { head: 'CPU per message', metric: 'cpu', reference: BUN, most: 1.1 },
  { head: 'CPU per message', metric: 'cpu', reference: BETTER_C },
  { head: 'median latency', metric: 'p50', reference: NODE_NET, most: 1 },
  { head: 'p99 latency', metric: 'p99', reference: NODE_NET, most: 1 },
];

const lineOf = (scenario: string, { head, metric, reference, most }: Compared): TargetLine => ({
  title: head,
  scenario,
  metric,
  less: true,
  ratios: [NODE_NET, BUN, BETTER_C].map((place) =>
    place === reference ? most : undefined,
  ) as unknown as TargetLine['ratios'],
});

/** The targets for which a run has figures. */
export function lightLoadTable(results: Results): Table {
  const isMeasured = (scenario: string, contender: string): boolean =>
    results.cells.some((cell) => cell.scenario === scenario && cell.contender === contender);
  const scenarios = SCENARIOS.filter(({ lightLoad }) => lightLoad === true);
  const rows = scenarios.flatMap(({ name }) =>
    DRIVERS.filter((driver) => isMeasured(name, driver)).map((driver) => [
      `\`${name}\`, \`${driver}\``,
      ...COMPARED.map((compared) => {
        const line = lineOf(name, compared);
        const found = reachedOf(results, line, driver)?.[compared.reference] as Reached;
        return reachedText(line, found, results.quick);
      }),
    ]),
  );
  return {
    head: ['light load', ...COMPARED.map(({ head, reference }) => `${head}, to ${REFERENCES[reference]}`)],
    rows,
  };
}
