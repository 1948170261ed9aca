/** The report as a page: the targets, the contenders, and each scenario. */

import { figure, OTHERS_SHARE_MAX } from '../figures.js';
import { median } from '../measuring.js';
import type { Results, RunKind } from '../results.js';
import { SCENARIOS } from '../scenarios/all.js';
import { GROWTH_SCENARIOS } from '../scenarios/growth.js';
import { PROGRAM_SCENARIOS } from '../scenarios/programs.js';
import { isAlone } from '../scenarios/scenario.js';
import { TLS_SCENARIOS } from '../scenarios/tls.js';
import { chartOf, ratiosChart } from './charts.js';
import { lightLoadTable } from './light-load.js';
import { LIGHT_NOTES, NOTES, PROGRAM_NOTES, TLS_NOTES } from './notes.js';
import { programTables } from './programs.js';
import { type Table, tableOf } from './tables.js';
import { linesOf, ours, REFERENCES, reachedOf, reachedText } from './targets.js';
import { tlsTable } from './tls.js';
import { percent } from './units.js';

const GIBIBYTE = 2 ** 30;

/** A file of the report, by its path in the report's folder. */
export interface ReportFile {
  readonly path: string;
  readonly text: string;
}

export function markdownTable({ head, rows }: Table): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** The targets for which a run has figures. */
export function targetTable(results: Results): Table {
  const rows = linesOf(results).flatMap((line) => {
    const reached = reachedOf(results, line);
    return reached === undefined
      ? []
      : [[line.title, ...reached.map((each) => reachedText(line, each, results.quick))]];
  });
  return { head: ['overlapped', ...REFERENCES.map((name) => `to ${name}`)], rows };
}

/** The scenarios in which other programs, or other machines on the same hardware, disturbed half of the measurements. */
export function warning({ cells }: Results): readonly string[] {
  const disturbed = [...SCENARIOS, ...TLS_SCENARIOS, ...GROWTH_SCENARIOS, ...PROGRAM_SCENARIOS].flatMap((scenario) => {
    const shares = cells
      .filter((cell) => cell.scenario === scenario.name && cell.samples.length > 0)
      .map((cell) => figure(cell, 'othersBusy').median);
    const share = median(shares);
    return isAlone(scenario) && share > OTHERS_SHARE_MAX ? [`${scenario.name} (${percent(share)})`] : [];
  });
  return disturbed.length === 0
    ? []
    : [
        '',
        `**The machine was busy with other things**: other programs took this share of a processor in ${disturbed.join(', ')}. Do not trust these figures.`,
      ];
}

/** How servers were warmed up, so that they measure like servers that have run for long. */
function warmth({ firstWarmUpMs, warmUpMs }: Results): string {
  const round = `for ${warmUpMs / 1000} s in each round`;
  const first = `for ${firstWarmUpMs / 1000} s before the first round (longer if little happens in a second), then ${round}`;
  return `Each server was started once for all rounds of a scenario, warmed up ${firstWarmUpMs === 0 ? round : first}; between its measurements it was stopped.`;
}

export function opening(results: Results): string {
  const { date, machine, command, rounds, measureMs, quick, minutes, subject, node, loadDriver } = results;
  const memory = Math.round(machine.memoryBytes / GIBIBYTE);
  return [
    `Measured on ${date}, ${machine.kernel}, ${machine.processor}, ${machine.processors} processors, ${memory} GiB, Node ${node}, in ${minutes} min,`,
    `with overlapped ${subject}, by`,
    '',
    '```sh',
    command,
    '```',
    '',
    `Figures are medians of ${rounds === 1 ? 'one round' : `${rounds} rounds`} of ${measureMs / 1000} s. In each round all servers are measured one after the other: the`,
    `server on one processor, the load (a program on overlapped's ${loadDriver}) on another, over loopback.`,
    warmth(results),
    ...(results.kind === 'growth' ? [] : ['The column "all rounds" has the lowest and the highest round.']),
    'A ratio is the median of the ratios of the rounds. Compare ratios: the figures themselves depend on the machine.',
    ...warning(results),
    ...(quick ? ['', '**This was a quick run**: one short round, with fewer connections. Its figures are rough.'] : []),
  ].join('\n');
}

export function contenderTable({ contenders }: Results): Table {
  const rows = contenders.map(({ name, title, version, missing }) => [
    title,
    `\`${name}\``,
    missing === undefined ? (version ?? '') : `not measured: ${missing.replaceAll('|', '\\|')}`,
  ]);
  return { head: ['server', 'name', 'version'], rows };
}

/** The page of each kind of run. */
export const PAGES: Readonly<Record<RunKind, { readonly path: string; readonly title: string }>> = {
  suite: { path: 'RESULTS.md', title: 'Benchmarks' },
  growth: { path: 'GROWTH.md', title: 'How cost grows' },
  programs: { path: 'PROGRAMS.md', title: 'Benchmarks of unchanged programs' },
  tls: { path: 'TLS.md', title: 'Benchmarks over TLS' },
};

/** The page, and the pictures that it shows. */
export function report(results: Results): readonly ReportFile[] {
  const { path, title } = PAGES[results.kind];
  const pictures: ReportFile[] = [];
  const picture = (name: string, title: string, text: string | undefined): string => {
    if (text === undefined) {
      return '';
    }
    pictures.push({ path: `charts/${name}.svg`, text });
    return `![${title}](charts/${name}.svg)\n\n`;
  };
  const scenarios = [...SCENARIOS, ...TLS_SCENARIOS, ...PROGRAM_SCENARIOS].filter(({ name }) =>
    results.cells.some(({ scenario }) => scenario === name),
  );
  const sections = scenarios.map((scenario) => {
    const chart = picture(scenario.name, scenario.title(results.quick), chartOf(results, scenario));
    const failures = results.cells.flatMap((cell) =>
      cell.scenario === scenario.name && cell.failure !== undefined
        ? [`\n- \`${cell.contender}\` failed: ${cell.failure}`]
        : [],
    );
    return `## ${scenario.title(results.quick)}\n\n\`${scenario.name}\`\n\n${chart}${markdownTable(tableOf(results, scenario))}\n${failures.join('')}`;
  });
  const targets = targetTable(results);
  const first =
    targets.rows.length === 0
      ? []
      : [
          `## Targets\n\noverlapped is \`${ours(results)}\` here. A cell has the ratio, its target in parentheses, and the range of the rounds. Missed targets are\nbold.\n\n${picture('ratios', 'overlapped to the others', ratiosChart(results))}${markdownTable(targets)}\n`,
        ];
  const light = lightLoadTable(results);
  const lightly =
    light.rows.length === 0 ? [] : [`## Targets under light load\n\n${LIGHT_NOTES}\n\n${markdownTable(light)}\n`];
  const tls = tlsTable(results);
  const secure = tls.rows.length === 0 ? [] : [`## Targets over TLS\n\n${TLS_NOTES}\n\n${markdownTable(tls)}\n`];
  const programs = programTables(results).map(markdownTable);
  const unchanged =
    programs.length === 0 ? [] : [`## Unchanged programs\n\n${PROGRAM_NOTES}\n\n${programs.join('\n\n')}\n`];
  const text = [
    `# ${title}\n\n${opening(results)}\n`,
    ...first,
    ...lightly,
    ...secure,
    ...unchanged,
    `## Contenders\n\n${markdownTable(contenderTable(results))}\n\n${NOTES}\n`,
    ...sections,
  ].join('\n');
  return [{ path, text: `${text.trimEnd()}\n` }, ...pictures];
}
