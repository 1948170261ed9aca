/** Figures of samples with their spread, and ratios of contenders. */

import type { Sample } from './load/order.js';
import { median } from './measuring.js';
import type { Cell, Results } from './results.js';

const SECOND_MICROSECONDS = 1e6;

/** The metrics of one sample. Times are in µs. */
export const METRICS = {
  /** Units a second. */
  rate: ({ units, time }: Sample) => (units * SECOND_MICROSECONDS) / time,
  /** The rate per second of processor time that the server used: what it could do if the load were not the limit. */
  rateAtFullCore: ({ units, cpu }: Sample) => (units * SECOND_MICROSECONDS) / (cpu.user + cpu.system),
  cpu: ({ units, cpu }: Sample) => (cpu.user + cpu.system) / units,
  user: ({ units, cpu }: Sample) => cpu.user / units,
  system: ({ units, cpu }: Sample) => cpu.system / units,
  /** The load's processor time per unit: a server that sleeps costs its peer a wake-up, one that polls does not. */
  loadCpu: ({ units, loadCpu }: Sample) => loadCpu / units,
  /** Shares of a processor that were used. */
  serverBusy: ({ time, cpu }: Sample) => (cpu.user + cpu.system) / time,
  loadBusy: ({ time, loadCpu }: Sample) => loadCpu / time,
  othersBusy: ({ time, othersCpu }: Sample) => othersCpu / time,
  p50: ({ latency }: Sample) => latency?.p50 ?? Number.NaN,
  p99: ({ latency }: Sample) => latency?.p99 ?? Number.NaN,
  p999: ({ latency }: Sample) => latency?.p999 ?? Number.NaN,
  memory: ({ residentBytes }: Sample) => residentBytes,
  /** Bytes for each idle connection. */
  inUse: ({ idle }: Sample) => idle?.inUse ?? Number.NaN,
  residentSoon: ({ idle }: Sample) => idle?.soon ?? Number.NaN,
  residentLate: ({ idle }: Sample) => idle?.late ?? Number.NaN,
} as const;

export type Metric = keyof typeof METRICS;

/**
 * The share of a processor used by other programs, or by other machines on the same hardware, above which a sample is
 * disturbed.
 */
export const OTHERS_SHARE_MAX = 0.1;

/** The median, lowest and highest of all rounds; NaN without samples. */
export interface Figure {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

const figureOf = (values: readonly number[]): Figure =>
  values.length === 0
    ? { median: Number.NaN, least: Number.NaN, most: Number.NaN }
    : { median: median(values), least: Math.min(...values), most: Math.max(...values) };

/**
 * A part of the processor time, for each unit of all rounds together. The system samples the parts at the ticks of its clock,
 * which in a short round are few.
 */
function pooled({ samples }: Cell, metric: 'user' | 'system'): number {
  const sum = (of: (sample: Sample) => number): number => samples.reduce((total, sample) => total + of(sample), 0);
  return sum(({ cpu }) => cpu[metric]) / sum(({ units }) => units);
}

/** The memory of a process after all rounds. */
const afterAllRounds = ({ samples }: Cell): number => METRICS.memory(samples.at(-1) as Sample);

const isPart = (metric: Metric): metric is 'user' | 'system' => metric === 'user' || metric === 'system';

export function figure(cell: Cell, metric: Metric): Figure {
  const rounds = figureOf(cell.samples.map(METRICS[metric]));
  if (metric === 'memory' && cell.samples.length > 0) {
    return { ...rounds, median: afterAllRounds(cell) };
  }
  return isPart(metric) ? { ...rounds, median: pooled(cell, metric) } : rounds;
}

/** A quotient of figures; NaN if one of them was not measured. */
const quotient = (value: number, other: number): number => (value > 0 && other > 0 ? value / other : Number.NaN);

/** Each round's own ratio, and their median; NaN where one of both has no figure. */
export function ratio(cell: Cell | undefined, reference: Cell | undefined, metric: Metric): Figure {
  const values = (cell?.samples ?? []).flatMap((sample, round) => {
    const other = reference?.samples[round];
    return other === undefined ? [] : [quotient(METRICS[metric](sample), METRICS[metric](other))];
  });
  const rounds = figureOf(values.some(Number.isNaN) ? [] : values);
  return isPart(metric) && cell !== undefined && reference !== undefined
    ? { ...rounds, median: quotient(pooled(cell, metric), pooled(reference, metric)) }
    : rounds;
}

export function cellOf({ cells }: Results, scenario: string, contender: string): Cell | undefined {
  return cells.find((cell) => cell.scenario === scenario && cell.contender === contender);
}

/** The best of several contenders by a metric of which less, or more, is better. */
export function bestOf(cells: readonly Cell[], metric: Metric, less: boolean): Cell | undefined {
  const worth = (cell: Cell): number => figure(cell, metric).median * (less ? 1 : -1);
  const measured = cells.filter((cell) => Number.isFinite(worth(cell)));
  return measured.sort((a, b) => worth(a) - worth(b))[0];
}
