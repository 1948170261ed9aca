/** The benchmarks in the READMEs: ratios to node:net of a whole run, between two marks. */

import type { Metric } from '../figures.js';
import type { Results } from '../results.js';
import { markdownTable, warning } from './markdown.js';
import { linesOf, NODE_NET_COLUMN, ours, reachedOf, TARGETS } from './targets.js';
import { NOTHING, twoDecimals } from './units.js';

const BEGIN = '<!-- The lines from here are written by a whole run of `npm run bench`. -->';
const END = '<!-- To here. -->';

interface Row {
  readonly scenario: string;
  readonly metric: Metric;
  readonly title: string;
}

/** The words of a README in one language. */
interface Words {
  readonly rows: readonly Row[];
  readonly head: readonly string[];
  readonly range: (least: string, most: string) => string;
  readonly opening: (results: Results) => string;
}

const ENGLISH: Words = {
  rows: [
    { scenario: 'ping-50', metric: 'cpu', title: 'CPU per message, 64 bytes echoed on 50 connections' },
    { scenario: 'pipeline', metric: 'rate', title: 'messages per second, 16 in flight on each of 50 connections' },
    { scenario: 'connect', metric: 'rate', title: 'connections per second that echo one message' },
    { scenario: 'broadcast', metric: 'rate', title: 'deliveries per second, one message to 5,000 connections' },
    { scenario: 'idle', metric: 'inUse', title: 'memory in use per idle connection, after a garbage collection' },
    {
      scenario: 'idle',
      metric: 'residentSoon',
      title: 'resident memory per idle connection, 1 s after the last activity',
    },
    {
      scenario: 'idle',
      metric: 'residentLate',
      title: 'resident memory per idle connection, 15 s after the last activity',
    },
  ],
  head: ['overlapped relative to node:net', 'median', 'all rounds'],
  range: (least, most) => `${least} to ${most}`,
  opening: (results) =>
    `${driverOf(results)} on ${results.date}, ${results.machine.kernel}, ${results.machine.processors} processors of a shared machine, ` +
    'client and server over loopback, by `npm run bench`:',
};

const CHINESE: Words = {
  rows: ENGLISH.rows.map((row, index) => ({
    ...row,
    title: [
      '每条消息的 CPU 时间，50 个连接，回显 64 字节',
      '每秒消息数，50 个连接，每个连接 16 条在途',
      '每秒新建连接数，每个连接回显一条消息',
      '每秒投递数，一条消息广播给 5,000 个连接',
      '每个空闲连接使用中的内存，垃圾回收之后',
      '每个空闲连接的常驻内存，最后一次活动 1 秒后',
      '每个空闲连接的常驻内存，最后一次活动 15 秒后',
    ][index] as string,
  })),
  head: ['overlapped 与 node:net 之比', '中位数', '各轮范围'],
  range: (least, most) => `${least} 至 ${most}`,
  opening: (results) =>
    `驱动 ${driverOf(results)}，${results.date}，${results.machine.kernel}，共享机器的 ${results.machine.processors} 个处理器，` +
    '客户端与服务器经由回环接口，命令为 `npm run bench`：',
};

/** The READMEs, by their paths from the project's directory. */
export const READMES: Readonly<Record<string, Words>> = { 'README.md': ENGLISH, 'README.zh-CN.md': CHINESE };

function driverOf(results: Results): string {
  return `\`${ours(results)?.replace(/^engine:/, '')}\``;
}

/** The rows, in the order of the report's targets. */
function rowsOf(results: Results, { rows }: Words): readonly Row[] {
  return linesOf(results).flatMap((line) =>
    rows.filter(({ scenario, metric }) => line.scenario === scenario && line.metric === metric),
  );
}

function rowOf(results: Results, { scenario, metric, title }: Row, words: Words): readonly string[] {
  const line = TARGETS.find((target) => target.scenario === scenario && target.metric === metric);
  const ratio = line && reachedOf(results, line)?.[NODE_NET_COLUMN]?.ratio;
  return ratio === undefined || !Number.isFinite(ratio.median)
    ? [title, NOTHING, NOTHING]
    : [title, twoDecimals(ratio.median), words.range(twoDecimals(ratio.least), twoDecimals(ratio.most))];
}

function sectionOf(results: Results, words: Words): string {
  const table = { head: words.head, rows: rowsOf(results, words).map((row) => rowOf(results, row, words)) };
  return [words.opening(results), ...warning(results), '', markdownTable(table)].join('\n');
}

/** Replaces a README's section of benchmarks by that of a run. @throws Error if the marks are missing */
export function readmeWith(readme: string, results: Results, words: Words = ENGLISH): string {
  const begin = readme.indexOf(BEGIN);
  const end = readme.indexOf(END);
  if (begin < 0 || end < begin) {
    throw new Error('Cannot write into the README: its marks for the benchmarks are missing');
  }
  return `${readme.slice(0, begin + BEGIN.length)}\n\n${sectionOf(results, words)}\n\n${readme.slice(end)}`;
}
