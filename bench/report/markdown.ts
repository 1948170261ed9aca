/** The report as a page: the targets, the contenders, and each scenario. */

import { figure, OTHERS_SHARE_MAX } from '../figures.js';
import { GROWTH_SCENARIOS } from '../growth.js';
import { median } from '../measuring.js';
import type { Results } from '../results.js';
import { isAlone } from '../scenario.js';
import { SCENARIOS } from '../scenarios.js';
import { chartOf, ratiosChart } from './charts.js';
import { lightLoadTable } from './light-load.js';
import { type Table, tableOf } from './tables.js';
import { linesOf, ours, REFERENCES, reachedOf, reachedText } from './targets.js';
import { NOTHING, percent } from './units.js';

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
  const disturbed = [...SCENARIOS, ...GROWTH_SCENARIOS].flatMap((scenario) => {
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
    ...(results.growth === true ? [] : ['The column "all rounds" has the lowest and the highest round.']),
    'A ratio is the median of the ratios of the rounds. Compare ratios: the figures themselves depend on the machine.',
    ...warning(results),
    ...(quick ? ['', '**This was a quick run**: one short round, with fewer connections. Its figures are rough.'] : []),
  ].join('\n');
}

const NOTES = `- CPU is the processor time of the server's process, all threads, in user space and in the system, per unit of work.
- If the load was busy near 100 % and the server was not, the load was the limit: then compare the CPU, not the rate. "By CPU"
  and "at full core" are the rate per second of processor time that the server used; "as measured" is the rate itself. A
  server that polls for a moment before it sleeps, as overlapped's does, uses processor time for that, and its peer need not
  wake it.
- Where a server has half a processor, a program that only computes has the other half. A connection costs the load as much
  as the server, so that otherwise the load would be the limit.
- "The load's" is the load's own processor time per unit of work.
- A measurement during which other programs took more than a tenth of a processor was repeated, at most twice for each server
  in a scenario, and the quietest one counts. Each round has its own order of servers.
- In bytes one way, each server is a new process in the second half of the rounds: one process of node:net may be as fast as
  another, or a tenth of it, for as long as it lives.
- CPU is as the scheduler counts it, in nanoseconds, with threads that have ended meanwhile. Its parts in user space and in the
  system are sums over all rounds, as the system samples them at the ticks of its clock: under light load, where they are few,
  they are rough.
- A latency ends when the load handles the received message, so it includes the load's work for the other connections. The next
  message is sent when one has been received, so with many connections the latency is mostly their number divided by the rate.
- Every received byte is compared with the byte that was sent; a server that answers wrongly has failed.
- Each server is the plain program of its interface, as in its own documentation. All set no-delay, and a backlog of 4,096 if it
  can be chosen (in Bun it cannot). C on io_uring and Asio have no program for a broadcast and a proxy: "the better C" is the
  one on epoll there.
- In "broadcast" each message is written to each connection by itself. overlapped sends the writes of one round together;
  the other programs could gather them too (\`cork\`, \`ArrayBufferSink\`). With 8 at a time overlapped makes some 2.5 times as
  many deliveries as any of them.
- "${NOTHING}" means that a contender has no program for a scenario.
- Memory is the resident memory of the process after all rounds.
- Memory for an idle connection is the growth of a process that is new in each round, divided by the connections. Resident memory
  one second after the last activity includes the garbage of connecting. V8 returns part of its young generation some eight
  seconds later, so 15 s after the last activity it is less. How much of it V8 has then varies by up to 48 MB per process,
  3,000 bytes for each of 15,000 connections. Memory in use is what the program reports after a garbage collection, in another
  process: on Node, V8's heap and what malloc has given out, as for buffers and for libuv; on Bun and Deno only their heap and their
  buffers, and what they allocate natively is only in the resident memory. Programs in C have no collection. The targets begin with the figure in which overlapped is the least ahead of node:net. Seven
  of the idle servers wait at the same time, but they connect one after the other.
- In Wine a server is new in each round, with the warm-up of a first round.
- How the cost of a message grows with the number of connections and the size of messages, and the memory with the number of
  connections, is in [GROWTH.md](GROWTH.md), which \`npm run bench -- --growth\` writes.`;

const LIGHT_NOTES = `Messages are sent at their due time, and a latency begins there. The load reads the clock without a sleep, so its processor
is always busy and always awake; a server's sleeps. Each server's first warm-up is at 20,000 messages a second,
with connections that end and come anew.`;

export function contenderTable({ contenders }: Results): Table {
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
  const text = [
    `# Benchmarks\n\n${opening(results)}\n`,
    ...first,
    ...lightly,
    `## Contenders\n\n${markdownTable(contenderTable(results))}\n\n${NOTES}\n`,
    ...sections,
  ].join('\n');
  return [{ path: 'RESULTS.md', text: `${text.trimEnd()}\n` }, ...pictures];
}
