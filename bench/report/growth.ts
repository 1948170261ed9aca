/** The page of a run with `--growth`: charts and tables of how the cost of a message and the memory grow. */

import { cellOf, figure, type Metric, ratio } from '../figures.js';
import { failuresOf, type Results } from '../results.js';
import { GROWTHS, type Growth } from '../scenarios/growth.js';
import { countText, sizeText } from '../scenarios/works.js';
import { lineSvg } from './lines.js';
import { contenderTable, markdownTable, opening, PAGES, type ReportFile } from './markdown.js';
import { GROWTH_NOTES } from './notes.js';
import type { Table } from './tables.js';
import { NODE_NET } from './targets.js';
import { digits, NOTHING, twoDecimals } from './units.js';

const MEGABYTE = 1e6;

/** One chart: a metric at each point. */
interface Shown {
  readonly metric: Metric;
  readonly title: string;
  readonly scale: number;
}

const CPU: Shown = { metric: 'cpu', title: 'CPU per message, µs', scale: 1 };
const MEMORY: Shown = { metric: 'memory', title: 'resident memory of the server, MB', scale: 1 / MEGABYTE };

const SHOWN: Readonly<Record<Growth['name'], readonly Shown[]>> = { connections: [CPU, MEMORY], bytes: [CPU] };

/** The points of a growth that a run has measured. */
const measured = (results: Results, growth: Growth): Growth['points'] =>
  growth.points.filter(({ scenario }) => results.cells.some((cell) => cell.scenario === scenario.name));

const words = ({ name }: Growth, value: number): string => (name === 'bytes' ? sizeText(value) : countText(value));

const shownValue = (results: Results, scenario: string, contender: string, { metric, scale }: Shown): number => {
  const cell = cellOf(results, scenario, contender);
  return cell === undefined ? Number.NaN : figure(cell, metric).median * scale;
};

function chartOf(results: Results, growth: Growth, shown: Shown): string | undefined {
  const points = measured(results, growth);
  const lines = results.contenders.map(({ name, title }, style) => ({
    title,
    style,
    values: points.map(({ scenario }) => shownValue(results, scenario.name, name, shown)),
  }));
  if (!lines.some(({ values }) => values.some((value) => value > 0))) {
    return undefined;
  }
  const places = points.map(({ value }) => ({ value, text: words(growth, value) }));
  return lineSvg({ title: growth.title, measure: shown.title, axis: growth.axis, places, lines });
}

function tableOf(results: Results, growth: Growth, shown: Shown): Table {
  const points = measured(results, growth);
  const rows = results.contenders.map(({ name, title }) => [
    title,
    ...points.map(({ scenario }) => {
      const value = shownValue(results, scenario.name, name, shown);
      const cells = [cellOf(results, scenario.name, name), cellOf(results, scenario.name, NODE_NET)] as const;
      const times = ratio(...cells, shown.metric).median;
      const toNet = name === NODE_NET || !Number.isFinite(times) ? '' : ` (${twoDecimals(times)})`;
      return Number.isFinite(value) ? `${digits(value)}${toNet}` : NOTHING;
    }),
  ]);
  return { head: [shown.title, ...points.map(({ value }) => words(growth, value))], rows };
}

/** The page, and the pictures that it shows. */
export function growthReport(results: Results): readonly ReportFile[] {
  const pictures: ReportFile[] = [];
  const sections = GROWTHS.filter((growth) => measured(results, growth).length > 0).flatMap((growth) => [
    `## ${growth.title}\n`,
    ...SHOWN[growth.name].map((shown) => {
      const chart = chartOf(results, growth, shown);
      const path = `charts/growth-${growth.name}-${shown.metric}.svg`;
      if (chart !== undefined) {
        pictures.push({ path, text: chart });
      }
      const picture = chart === undefined ? '' : `![${growth.title}: ${shown.title}](${path})\n\n`;
      return `${picture}${markdownTable(tableOf(results, growth, shown))}\n`;
    }),
  ]);
  const failures = failuresOf(results).map(
    ({ scenario, contender, failure }) => `- \`${contender}\` failed in \`${scenario}\`: ${failure}`,
  );
  const text = [
    `# ${PAGES.growth.title}\n\n${opening(results)}\n\n${GROWTH_NOTES}\n`,
    ...sections,
    ...(failures.length === 0 ? [] : [`## Failures\n\n${failures.join('\n')}\n`]),
    `## Contenders\n\n${markdownTable(contenderTable(results))}\n`,
  ].join('\n');
  return [{ path: PAGES.growth.path, text: `${text.trimEnd()}\n` }, ...pictures];
}
