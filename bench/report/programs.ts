/** The targets of unchanged programs: a row for each scenario and driver, compared with stock Node and Bun. */

import { PRELOADED_DRIVERS, preloadOf, STOCK_NODE } from '../contender.js';
import { cellOf, type Metric } from '../figures.js';
import type { Results } from '../results.js';
import { PROGRAM_SCENARIOS } from '../scenarios/programs.js';
import type { Table } from './tables.js';
import { smallRatioText } from './targets.js';

/** A column: the ratio of a metric to another contender's. */
interface Compared {
  readonly head: string;
  readonly metric: Metric;
  readonly reference: string;
}

const CPU = { head: 'CPU, to stock Node', metric: 'cpu', reference: STOCK_NODE } as const;
const COLUMNS: readonly Compared[] = [
  CPU,
  { head: 'median latency, to stock Node', metric: 'p50', reference: STOCK_NODE },
  { head: 'p99 latency, to stock Node', metric: 'p99', reference: STOCK_NODE },
  { head: 'CPU, to Bun', metric: 'cpu', reference: 'bun' },
];
const IDLE_COLUMNS: readonly Compared[] = [
  { head: 'memory 1 s after the last activity, to stock Node', metric: 'residentSoon', reference: STOCK_NODE },
  { head: 'memory 15 s after it, to stock Node', metric: 'residentLate', reference: STOCK_NODE },
];

const IDLE_MOST = 0.8;
/** The highest ratios of CPU to stock Node. */
const CPU_MOST: Readonly<Record<string, number>> = {
  'http-hello-50': 0.7,
  'http-hello-500': 0.7,
  'https-hello-50': 0.8,
  'https-hello-500': 0.8,
  'ws-echo-50': 0.6,
  'ws-echo-500': 0.6,
  'redis-client': 0.85,
  'http-light-2000': 1,
};

function mostOf(scenario: string, { metric, reference }: Compared): number | undefined {
  if (metric === 'residentSoon' || metric === 'residentLate') {
    return IDLE_MOST;
  }
  return metric === CPU.metric && reference === STOCK_NODE ? CPU_MOST[scenario] : undefined;
}

function rowOf(results: Results, scenario: string, driver: string, columns: readonly Compared[]): readonly string[] {
  const own = cellOf(results, scenario, preloadOf(driver));
  const isUnjudged = results.quick || own?.failure !== undefined;
  const texts = columns.map((column) => {
    const reference = cellOf(results, scenario, column.reference);
    return smallRatioText(own, reference, column.metric, mostOf(scenario, column), isUnjudged);
  });
  return [`\`${scenario}\`, ${driver}`, ...texts];
}

/** The ratios for which a run has figures: those of requests, then those of idle connections. */
export function programTables(results: Results): readonly Table[] {
  return [false, true].flatMap((isIdle) => {
    const columns = isIdle ? IDLE_COLUMNS : COLUMNS;
    const names = PROGRAM_SCENARIOS.filter(({ unit }) => (unit === 'idle connection') === isIdle).map(
      ({ name }) => name,
    );
    const rows = names.flatMap((name) =>
      PRELOADED_DRIVERS.filter((driver) => cellOf(results, name, preloadOf(driver)) !== undefined).map((driver) =>
        rowOf(results, name, driver, columns),
      ),
    );
    return rows.length === 0 ? [] : [{ head: ['unchanged program', ...columns.map(({ head }) => head)], rows }];
  });
}
