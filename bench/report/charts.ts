/** The charts of a run: one for each scenario, and one of the ratios that have targets. */

import { cellOf, figure, type Metric } from '../figures.js';
import type { Cell, Results } from '../results.js';
import type { Scenario } from '../scenarios/scenario.js';
import { type Bar, type Panel, svg } from './svg.js';
import { linesOf, REFERENCES, reachedOf } from './targets.js';
import { digits, IDLE_MEMORY, twoDecimals, UNIT_WORDS } from './units.js';

const isOurs = (title: string): boolean => title.startsWith('overlapped');

function panelsOf(scenario: Scenario, cells: readonly Cell[]): readonly Panel[] {
  const { rate, one, size } = UNIT_WORDS[scenario.unit];
  const value = (cell: Cell, metric: Metric, scale: number): number => figure(cell, metric).median * scale;
  const single = (metric: Metric, scale: number): readonly Bar[] =>
    cells.map((cell) => ({ parts: [value(cell, metric, scale)], text: digits(value(cell, metric, scale)) }));
  if (scenario.unit === 'idle connection') {
    return IDLE_MEMORY.map(({ metric, head }) => {
      // The memory of a process may have shrunk.
      const bars = single(metric, 1).map(({ parts, text }) => ({
        parts: parts.map((part) => Math.max(0, part)),
        text,
      }));
      return { title: head, bars };
    });
  }
  const rates = { title: rate, bars: single('rate', 1 / size) };
  if (scenario.wine === true) {
    return [rates];
  }
  const costs = cells.map((cell) => {
    const parts = [value(cell, 'user', size), value(cell, 'system', size)];
    return { parts, text: twoDecimals(value(cell, 'cpu', size)) };
  });
  if (scenario.lightLoad === true || scenario.unchanged === true) {
    const latencies = (['p50', 'p99'] as const).map((metric) => ({
      title: `${metric === 'p50' ? 'median' : 'p99'} latency, µs`,
      bars: single(metric, 1),
    }));
    return [{ title: `CPU, µs per ${one}: user, then system`, bars: costs }, ...latencies];
  }
  return [rates, { title: `CPU, µs per ${one}: user, then system`, bars: costs }];
}

/** The chart of the measured contenders; undefined if there are none. */
export function chartOf(results: Results, scenario: Scenario): string | undefined {
  const measured = results.contenders.flatMap(({ name, title }) => {
    const cell = cellOf(results, scenario.name, name);
    return cell === undefined || cell.failure !== undefined ? [] : [{ title, cell }];
  });
  if (measured.length === 0) {
    return undefined;
  }
  const labels = measured.map(({ title }) => title);
  const panels = panelsOf(
    scenario,
    measured.map(({ cell }) => cell),
  );
  return svg({ title: scenario.title(results.quick), labels, strong: labels.map(isOurs), panels });
}

/** Ratios of overlapped to each reference. Those that should be small are inverted, so that longer is better. */
export function ratiosChart(results: Results): string | undefined {
  const lines = linesOf(results).flatMap((line) => {
    const reached = reachedOf(results, line);
    if (reached === undefined) {
      return [];
    }
    return [{ title: line.title, times: reached.map(({ ratio: { median } }) => (line.less ? 1 / median : median)) }];
  });
  if (lines.length === 0) {
    return undefined;
  }
  const panels = REFERENCES.map((name, index) => ({
    title: `to ${name}`,
    mark: 1,
    bars: lines.map(({ times }) => {
      const value = times[index] ?? Number.NaN;
      return Number.isFinite(value) && value > 0 ? { parts: [value], text: `${twoDecimals(value)} ×` } : undefined;
    }),
  }));
  const labels = lines.map(({ title }) => title);
  return svg({
    title: 'overlapped relative to the others: longer is better, and both are equal at the line',
    labels,
    strong: labels.map(() => true),
    panels,
  });
}
