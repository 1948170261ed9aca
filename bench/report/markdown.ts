/** The report as a page: what is wanted first, then who took part, then each scenario. */

import { figure } from '../figures.js';
import { median } from '../measuring.js';
import type { Results } from '../results.js';
import { SCENARIOS } from '../scenarios.js';
import { chartOf, ratiosChart } from './charts.js';
import { type Table, tableOf } from './tables.js';
import { NOTHING, percent, twoDecimals } from './units.js';
import { ours, REFERENCES, type Reached, reachedOf, WANTED, type Wanted } from './wanted.js';

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

/** A ratio with what is wanted of it; what is not reached stands out. */
function reachedText({ less }: Wanted, { ratio, wanted, reached }: Reached): string {
  if (!Number.isFinite(ratio)) {
    return NOTHING;
  }
  if (wanted === undefined) {
    return twoDecimals(ratio);
  }
  const sign = less ? '≤' : '≥';
  return `${reached ? twoDecimals(ratio) : `**${twoDecimals(ratio)}, not reached**`} (${sign} ${twoDecimals(wanted)})`;
}

/** The lines of what is wanted that a run says something about. */
export function wantedTable(results: Results): Table {
  const rows = WANTED.flatMap((line) => {
    const reached = reachedOf(results, line);
    return reached === undefined ? [] : [[line.title, ...reached.map((each) => reachedText(line, each))]];
  });
  return { head: ['overlapped', ...REFERENCES.map((name) => `to ${name}`)], rows };
}

/** Of a processor, taken by other programs: with more of it the report says so. */
const OTHERS_SHARE_MAX = 0.1;

function warning({ cells }: Results): readonly string[] {
  const share = median(
    cells.filter(({ samples }) => samples.length > 0).map((cell) => figure(cell, 'othersBusy').median),
  );
  return share > OTHERS_SHARE_MAX
    ? [
        '',
        `**The machine was busy with other things**: they took ${percent(share)} of a processor. Do not trust these figures.`,
      ]
    : [];
}

function opening(results: Results): string {
  const { date, machine, command, rounds, measureMs, quick, minutes } = results;
  const node = results.contenders.find(({ name }) => name === 'net')?.version ?? '';
  const memory = Math.round(machine.memoryBytes / GIBIBYTE);
  return [
    `Measured on ${date}, ${machine.kernel}, ${machine.processor}, ${machine.processors} processors, ${memory} GiB${node === '' ? '' : `, ${node}`}, in ${minutes} min, by`,
    '',
    '```sh',
    command,
    '```',
    '',
    `Figures are medians of ${rounds === 1 ? 'one round' : `${rounds} rounds`} of ${measureMs / 1000} s, in each of which all servers had their turn one after the other: the`,
    `server on one processor, the load on another, over loopback. "all rounds" is the least and the most of them. Ratios are`,
    "medians of each round's own, and are what counts: the figures are this machine's.",
    ...warning(results),
    ...(quick ? ['', '**This was a quick run**: one short round, with fewer connections. Its figures are rough.'] : []),
  ].join('\n');
}

const NOTES = `- CPU is the server process's, all of its threads, in user space and in the system, divided by what it did meanwhile.
- Where the load was busy, near 100 %, and the server was not, it was the load that was at its limit: then the CPU tells
  more than the rate.
- Every byte that comes back is compared with what was sent; a server that answers wrongly has failed.
- Each server is the program that its own documentation shows; all set no-delay, and the backlog is 4,096 where it can be
  chosen (Bun cannot be told).
- "${NOTHING}" stands where a contender has no program for a scenario.
- Memory is the process's resident memory at the end; of idle connections its growth for each, on an idle process, behind a
  garbage collection where there is a collector. What V8 has given back of its young generation by then varies: that is up to 48
  MB of a process, 3,000 bytes for each of 15,000 connections.`;

function contenderTable({ contenders }: Results): Table {
  const rows = contenders.map(({ name, title, version, missing }) => [
    title,
    `\`${name}\``,
    missing === undefined ? (version ?? '') : `not measured: ${missing.replaceAll('|', '\\|')}`,
  ]);
  return { head: ['server', 'name', 'version'], rows };
}

/** The page, and the pictures that it shows. */
export function report(results: Results): readonly ReportFile[] {
  const pictures: ReportFile[] = [];
  const picture = (name: string, title: string, text: string | undefined): string => {
    if (text === undefined) {
      return '';
    }
    pictures.push({ path: `charts/${name}.svg`, text });
    return `![${title}](charts/${name}.svg)\n\n`;
  };
  const scenarios = SCENARIOS.filter(({ name }) => results.cells.some(({ scenario }) => scenario === name));
  const sections = scenarios.map((scenario) => {
    const chart = picture(scenario.name, scenario.title, chartOf(results, scenario));
    const failures = results.cells.flatMap((cell) =>
      cell.scenario === scenario.name && cell.failure !== undefined
        ? [`\n- \`${cell.contender}\` failed: ${cell.failure}`]
        : [],
    );
    return `## ${scenario.title}\n\n\`${scenario.name}\`\n\n${chart}${markdownTable(tableOf(results, scenario))}\n${failures.join('')}`;
  });
  const wanted = wantedTable(results);
  const first =
    wanted.rows.length === 0
      ? []
      : [
          `## What is wanted, and what is reached\n\noverlapped is \`${ours(results)}\` here.\n\n${picture('ratios', 'overlapped to the others', ratiosChart(results))}${markdownTable(wanted)}\n`,
        ];
  const text = [
    `# Benchmarks\n\n${opening(results)}\n`,
    ...first,
    `## Who took part\n\n${markdownTable(contenderTable(results))}\n\n${NOTES}\n`,
    ...sections,
  ].join('\n');
  return [{ path: 'RESULTS.md', text: `${text.trimEnd()}\n` }, ...pictures];
}
