/** The report as a page: what is wanted first, then who took part, then each scenario. */

import { figure, OTHERS_SHARE_MAX } from '../figures.js';
import { median } from '../measuring.js';
import type { Results } from '../results.js';
import { isAlone } from '../scenario.js';
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

/** A ratio with what is wanted of it; what is not reached stands out. A quick run is not judged. */
function reachedText({ less }: Wanted, found: Reached, quick: boolean): string {
  const { ratio, wanted, reached, otherWay, loadLimited } = found;
  if (!Number.isFinite(ratio.median)) {
    return wanted === undefined ? NOTHING : '**not measured**';
  }
  const notes = [
    ...(ratio.least < ratio.most ? [`${twoDecimals(ratio.least)} to ${twoDecimals(ratio.most)}`] : []),
    ...(otherWay === undefined ? [] : [`${otherWay.words} ${twoDecimals(otherWay.ratio)}`]),
    ...(loadLimited ? ['load at its limit'] : []),
  ];
  const value = twoDecimals(ratio.median);
  const judged = quick || wanted === undefined || reached ? value : `**${value}, not reached**`;
  const bound = quick || wanted === undefined ? '' : ` (${less ? '≤' : '≥'} ${twoDecimals(wanted)})`;
  return `${judged}${bound}${notes.length === 0 ? '' : `; ${notes.join('; ')}`}`;
}

/** The lines of what is wanted that a run says something about. */
export function wantedTable(results: Results): Table {
  const rows = WANTED.flatMap((line) => {
    const reached = reachedOf(results, line);
    return reached === undefined
      ? []
      : [[line.title, ...reached.map((each) => reachedText(line, each, results.quick))]];
  });
  return { head: ['overlapped', ...REFERENCES.map((name) => `to ${name}`)], rows };
}

/** The scenarios in which other programs, or other machines on the same hardware, disturbed the half of what was measured. */
export function warning({ cells }: Results): readonly string[] {
  const disturbed = SCENARIOS.flatMap((scenario) => {
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
        `**The machine was busy with other things**, by the share of a processor in ${disturbed.join(', ')}. Do not trust these figures.`,
      ];
}

/** How servers came to be as those are that have been in use for long. */
function warmth({ firstWarmUpMs, warmUpMs }: Results): string {
  const round = `for ${warmUpMs / 1000} s in each round`;
  const first = `for ${firstWarmUpMs / 1000} s before the first round, longer where little happens in a second, then ${round}`;
  return `Each server was started once for all rounds of a scenario, and warmed up ${firstWarmUpMs === 0 ? round : first}; between its turns it was stopped.`;
}

function opening(results: Results): string {
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
    `Figures are medians of ${rounds === 1 ? 'one round' : `${rounds} rounds`} of ${measureMs / 1000} s, in each of which all servers had their turn one after the other: the`,
    `server on one processor, the load (a program on overlapped's ${loadDriver}) on another, over loopback.`,
    warmth(results),
    `"all rounds" is the least and the most of them. Ratios are`,
    "medians of each round's own, and are what counts: the figures are this machine's.",
    ...warning(results),
    ...(quick ? ['', '**This was a quick run**: one short round, with fewer connections. Its figures are rough.'] : []),
  ].join('\n');
}

const NOTES = `- CPU is the server process's, all of its threads, in user space and in the system, divided by what it did meanwhile.
- Where the load was busy, near 100 %, and the server was not, it was the load that was at its limit: then the CPU tells
  more than the rate. "By CPU", or "at full core", is the rate for each second of processor time that the server had; "as it
  came" is the rate itself. A server that looks again for a moment before it sleeps, as overlapped's does, has the processor
  for that too, and its peer need not wake it.
- "The load's" is its own processor time for each unit.
- A turn in which other programs took more than a tenth of a processor was repeated, up to two times of each server in a
  scenario, and the quietest of them counts. The order within a round is another in each.
- One way, each server is another process in the second half of the rounds: node:net's, once started, may be as fast as in
  another start, or a tenth of it, for as long as it lives.
- Time in user space and in the system is of all rounds together: the system learns it by looking at each tick of its clock.
- A latency begins and ends when the load looks at what has come: its own work for the other connections is in it. The next
  message is sent when one has come back, so with many connections it is their number that makes a latency, divided by the rate.
- Every byte that comes back is compared with what was sent; a server that answers wrongly has failed.
- Each server is the plain program of its interface, as its own documentation has it; all set no-delay, and the backlog is 4,096
  where it can be chosen (Bun cannot be told). C on io_uring and Asio have no program for a broadcast and a proxy: "the better
  C" is the one on epoll there.
- In "broadcast" each message is written to each connection by itself. overlapped sends what was written in one turn together;
  the others' programs could gather too (\`cork\`, \`ArrayBufferSink\`), and then 8 at a time are some 2.5 times as many with
  overlapped as with any of them.
- "${NOTHING}" stands where a contender has no program for a scenario.
- Memory is the process's resident memory behind all rounds; of idle connections its growth for each, in a process that is
  new in each round and idle, behind a garbage collection where the program can ask for one. What V8 has given back of its young
  generation by then varies: that is up to 48 MB of a process, 3,000 bytes for each of 15,000 connections. Seven of the idle
  servers wait at one time.
- In Wine a server is new in each round, and warmed up as it would be before the first one.`;

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
    const chart = picture(scenario.name, scenario.title(results.quick), chartOf(results, scenario));
    const failures = results.cells.flatMap((cell) =>
      cell.scenario === scenario.name && cell.failure !== undefined
        ? [`\n- \`${cell.contender}\` failed: ${cell.failure}`]
        : [],
    );
    return `## ${scenario.title(results.quick)}\n\n\`${scenario.name}\`\n\n${chart}${markdownTable(tableOf(results, scenario))}\n${failures.join('')}`;
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
