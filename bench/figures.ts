/** What is made of samples: figures with their spread, and ratios of contenders. */

import type { Sample } from './load/order.js';
import { median } from './measuring.js';
import type { Cell, Results } from './results.js';

const SECOND_MICROSECONDS = 1e6;

/** What can be read of one sample. Times are in µs. */
export const METRICS = {
  /** Units a second. */
  rate: ({ units, time }: Sample) => (units * SECOND_MICROSECONDS) / time,
  /** The same for each second of processor time that the server had: what it can do where the load is not the limit. */
  rateAtFullCore: ({ units, cpu }: Sample) => (units * SECOND_MICROSECONDS) / (cpu.user + cpu.system),
  cpu: ({ units, cpu }: Sample) => (cpu.user + cpu.system) / units,
  user: ({ units, cpu }: Sample) => cpu.user / units,
  system: ({ units, cpu }: Sample) => cpu.system / units,
  /** Shares of a processor that were used. */
  serverBusy: ({ time, cpu }: Sample) => (cpu.user + cpu.system) / time,
  loadBusy: ({ time, loadCpu }: Sample) => loadCpu / time,
  othersBusy: ({ time, othersCpu }: Sample) => othersCpu / time,
  p50: ({ latency }: Sample) => latency?.p50 ?? Number.NaN,
  p99: ({ latency }: Sample) => latency?.p99 ?? Number.NaN,
  p999: ({ latency }: Sample) => latency?.p999 ?? Number.NaN,
  memory: ({ residentBytes }: Sample) => residentBytes,
  growth: ({ growthBytes }: Sample) => growthBytes ?? Number.NaN,
} as const;

export type Metric = keyof typeof METRICS;

/** The median of all rounds, and the least and the most of them. */
export interface Figure {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

export function figure({ samples }: Cell, metric: Metric): Figure {
  const values = samples.map(METRICS[metric]);
  return { median: median(values), least: Math.min(...values), most: Math.max(...values) };
}

/** Time in user space for each unit of all rounds together. */
function userOf(cell: Cell | undefined): number {
  const samples = cell?.samples ?? [];
  const sum = (of: (sample: Sample) => number): number => samples.reduce((total, sample) => total + of(sample), 0);
  return sum(({ cpu }) => cpu.user) / sum(({ units }) => units);
}

/**
 * The median of each round's own ratio; NaN where one of both has none. For the time in user space it is the ratio of all
 * rounds together: the system learns it by looking at each tick of its clock, a few times a round where it is short.
 */
export function ratio(cell: Cell | undefined, reference: Cell | undefined, metric: Metric): number {
  if (metric === 'user') {
    return userOf(cell) / userOf(reference);
  }
  const values = (cell?.samples ?? []).flatMap((sample, round) => {
    const other = reference?.samples[round];
    return other === undefined ? [] : [METRICS[metric](sample) / METRICS[metric](other)];
  });
  return median(values);
}

export function cellOf({ cells }: Results, scenario: string, contender: string): Cell | undefined {
  return cells.find((cell) => cell.scenario === scenario && cell.contender === contender);
}

/** Of several contenders the one that is best by a metric, of which less or more is better. */
export function bestOf(cells: readonly Cell[], metric: Metric, less: boolean): Cell | undefined {
  const worth = (cell: Cell): number => figure(cell, metric).median * (less ? 1 : -1);
  return cells.filter((cell) => cell.samples.length > 0).sort((a, b) => worth(a) - worth(b))[0];
}
