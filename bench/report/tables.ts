/** The table of a scenario, for the report and for the screen. */

import { NODE_TLS, STOCK_NODE } from '../contender.js';
import { cellOf, type Figure, figure, type Metric, ratio } from '../figures.js';
import type { Cell, Found, Results } from '../results.js';
import type { Scenario } from '../scenarios/scenario.js';
import { NODE_NET } from './targets.js';
import { digits, IDLE_MEMORY, megabytes, NOTHING, percent, twoDecimals, UNIT_WORDS } from './units.js';

export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

interface Column {
  readonly head: string;
  text(cell: Cell): string;
}

const REFERENCE_IN_WINE = `wine:${NODE_NET}`;

const spread = ({ least, most }: Figure, size: number): string => `${digits(least / size)} to ${digits(most / size)}`;

/** The contender that the others of a scenario are compared with, and the head of the columns with the ratios. */
function referenceOf(
  results: Results,
  { name, wine, unchanged, tls }: Scenario,
): {
  readonly reference: Cell | undefined;
  readonly toReference: string;
} {
  if (unchanged === true) {
    return { reference: cellOf(results, name, STOCK_NODE), toReference: 'to stock Node' };
  }
  if (tls === true) {
    return { reference: cellOf(results, name, NODE_TLS), toReference: 'to node:tls' };
  }
  const reference = cellOf(results, name, wine === true ? REFERENCE_IN_WINE : NODE_NET);
  return { reference, toReference: 'to node:net' };
}

/** The columns of a scenario, without those that mean nothing for it. */
function columnsOf(results: Results, scenario: Scenario): readonly Column[] {
  const { rate, one, size } = UNIT_WORDS[scenario.unit];
  const { reference, toReference } = referenceOf(results, scenario);
  const of = (head: string, metric: Metric, text: (value: number) => string): Column => ({
    head,
    text: (cell) => text(figure(cell, metric).median),
  });
  const toIt = (metric: Metric): Column => ({
    head: toReference,
    text: (cell) => twoDecimals(ratio(cell, reference, metric).median),
  });
  const memory = of('memory, MB', 'memory', megabytes);
  if (scenario.unit === 'idle connection') {
    const columns = IDLE_MEMORY.flatMap(({ metric, head }) => [
      of(head, metric, digits),
      toIt(metric),
      { head: 'all rounds', text: (cell: Cell) => spread(figure(cell, metric), 1) },
    ]);
    return [...columns, memory];
  }
  const rates = [
    of(rate, 'rate', (value) => digits(value / size)),
    toIt('rate'),
    { head: 'all rounds', text: (cell: Cell) => spread(figure(cell, 'rate'), size) },
  ];
  const latencies = [of('p50, µs', 'p50', digits), of('p99', 'p99', digits), of('p99.9', 'p999', digits)];
  const costs = [
    of(`CPU, µs per ${one}`, 'cpu', (value) => twoDecimals(value * size)),
    toIt('cpu'),
    of('user', 'user', (value) => twoDecimals(value * size)),
    of('system', 'system', (value) => twoDecimals(value * size)),
    of("the load's", 'loadCpu', (value) => twoDecimals(value * size)),
  ];
  if (scenario.lightLoad === true || scenario.unchanged === true) {
    // Under light load the rate is the load's. How the time of a message varies says more.
    const all = { head: 'all rounds', text: (cell: Cell) => spread(figure(cell, 'cpu'), size) };
    const [first, second, third] = latencies as [Column, Column, Column];
    const inOrder = [costs[0] as Column, toIt('cpu'), all, first, toIt('p50'), second, toIt('p99'), third];
    return [rates[0] as Column, ...inOrder, ...costs.slice(2), of('server busy', 'serverBusy', percent), memory];
  }
  const shares = [of('server busy', 'serverBusy', percent), of('load busy', 'loadBusy', percent)];
  if (scenario.wine === true) {
    // The measured process is not the server's.
    return [...rates, ...latencies];
  }
  return [...rates, ...costs, ...(scenario.unit === 'byte' ? [] : latencies), ...shares, memory];
}

/** A row for each contender of the scenario. */
export function tableOf(results: Results, scenario: Scenario): Table {
  const columns = columnsOf(results, scenario);
  const present = results.contenders.filter(({ missing }) => missing === undefined);
  const isHere = ({ name, remote }: Found): boolean =>
    (remote === true) === (scenario.wine === true) &&
    (scenario.contenders === undefined || cellOf(results, scenario.name, name) !== undefined);
  const rows = present.filter(isHere).map(({ name, title }) => {
    const cell = cellOf(results, scenario.name, name);
    if (cell === undefined) {
      return [title, ...columns.map(() => NOTHING)];
    }
    return [title, ...columns.map(({ text }) => (cell.failure === undefined ? text(cell) : 'failed'))];
  });
  return { head: ['server', ...columns.map(({ head }) => head)], rows };
}
