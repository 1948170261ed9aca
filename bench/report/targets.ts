/** The targets of overlapped, line by line, and whether a run meets them. */

import { bestOf, cellOf, type Figure, figure, type Metric, ratio } from '../figures.js';
import { type Cell, failuresOf, type Results } from '../results.js';
import { NOTHING, twoDecimals } from './units.js';

export interface TargetLine {
  readonly title: string;
  readonly scenario: string;
  readonly metric: Metric;
  /** Whether the targets are upper limits, or lower ones. */
  readonly less: boolean;
  /** The limits, in the order of REFERENCES; undefined if a ratio is only shown. */
  readonly ratios: readonly (number | undefined)[];
}

const CPU_50 = 'CPU per message, ping-pong of 64 bytes, 50 connections';
const CPU_500 = 'CPU per message, ping-pong of 64 bytes, 500 connections';

const less = (title: string, scenario: string, metric: Metric, ...ratios: readonly number[]): TargetLine => ({
  title,
  scenario,
  metric,
  less: true,
  ratios,
});

const more = (title: string, scenario: string, metric: Metric, ...ratios: readonly number[]): TargetLine => ({
  ...less(title, scenario, metric, ...ratios),
  less: false,
});

export const TARGETS: readonly TargetLine[] = [
  less(CPU_50, 'ping-50', 'cpu', 0.7, 0.9, 1.05),
  less(CPU_500, 'ping-500', 'cpu', 0.7, 0.9, 1.05),
  less(`${CPU_50}, in user space`, 'ping-50', 'user', 0.25, 0.6),
  less(`${CPU_500}, in user space`, 'ping-500', 'user', 0.25, 0.6),
  more('Messages a second, ping-pong of 64 bytes, 1 connection', 'ping-1', 'rate', 1.15, 1, 0.95),
  more('Messages a second, 16 in flight on each of 50 connections', 'pipeline', 'rate', 1.8, 1.3, 0.95),
  more('Bytes in at full core, one stream', 'bulk-in-1', 'rateAtFullCore', 1.2, 1, 1.3),
  more('Bytes out at full core, one stream', 'bulk-out-1', 'rateAtFullCore', 1.3, 1, 0.9),
  more('Connections a second that echo one message', 'connect', 'rate', 1.5, 1.1, 0.8),
  more('Deliveries a second, broadcast one at a time', 'broadcast', 'rate', 2.5, 1.2),
  less('CPU per message through a proxy', 'proxy', 'cpu', 0.65, 0.9),
  less('Memory in use for an idle connection, after a garbage collection', 'idle', 'inUse', 0.25),
  less('Resident memory for an idle connection, 1 s after the last activity', 'idle', 'residentSoon', 0.25),
  less('Resident memory for an idle connection, 15 s after the last activity', 'idle', 'residentLate', 0.2, 0.8),
];

/** A figure over TLS that should be small, and the highest ratios to node:tls and to C on epoll and OpenSSL. */
export interface TlsTarget {
  readonly title: string;
  readonly scenario: string;
  readonly metric: Metric;
  readonly toNode: number;
  readonly toC?: number;
}

const tls = (title: string, scenario: string, metric: Metric, toNode: number, toC?: number): TlsTarget => ({
  title,
  scenario,
  metric,
  toNode,
  ...(toC !== undefined && { toC }),
});

export const TLS_TARGETS: readonly TlsTarget[] = [
  tls(CPU_50, 'tls-echo-50', 'cpu', 0.75, 1.05),
  tls(CPU_500, 'tls-echo-500', 'cpu', 0.65, 1.05),
  tls('CPU per MB in, one stream', 'tls-bulk-in', 'cpu', 0.8),
  tls('CPU per MB out, one stream', 'tls-bulk-out', 'cpu', 1),
  tls('CPU per full handshake', 'tls-handshakes', 'cpu', 0.95),
  tls('CPU per resumed session', 'tls-resumed', 'cpu', 0.95),
  tls('Memory in use for an idle connection, after a garbage collection', 'tls-idle', 'inUse', 0.6),
  tls('Resident memory for an idle connection, 1 s after the last activity', 'tls-idle', 'residentSoon', 0.6),
  tls('Resident memory for an idle connection, 15 s after the last activity', 'tls-idle', 'residentLate', 0.6),
];

const IDLE_SCENARIO = 'idle';

/** The contender that stands for overlapped: the engine, on the driver that it chooses by itself. */
const OURS = ['engine:io_uring', 'engine:epoll', 'engine:select'];
export const NODE_NET = 'net';
const BUN = 'bun';

/** The drivers that overlapped may choose on Linux: those of tables with a row for each. */
export const CHOSEN_ON_LINUX = ['engine:io_uring', 'engine:epoll'] as const;

const C_REFERENCES = ['c:epoll', 'c:io_uring'];

/** The servers that overlapped is compared with, a column for each. */
export const REFERENCES = ['node:net', 'Bun', 'the better C'] as const;

export type Reference = (typeof REFERENCES)[number];

export const NODE_NET_COLUMN = REFERENCES.indexOf('node:net');

/** A line's ratio to one of the references. */
export interface Reached {
  /** NaN if one of both was not measured. */
  readonly ratio: Figure;
  readonly target: number | undefined;
  readonly reached: boolean;
  /** For a rate, the other figure: per second of the server's processor time, or as measured. */
  readonly otherWay: { readonly words: string; readonly ratio: number } | undefined;
  /** For a rate: the load was at its limit and a server was not, so the servers differ more than the ratio shows. */
  readonly loadLimited: boolean;
}

const OTHER_WAYS: { readonly [metric in Metric]?: { readonly words: string; readonly metric: Metric } } = {
  rate: { words: 'by CPU', metric: 'rateAtFullCore' },
  rateAtFullCore: { words: 'as measured', metric: 'rate' },
};

/** A process counts as busy above this share of a processor. */
const BUSY = 0.95;

function isLoadLimited(cell: Cell | undefined): boolean {
  return cell !== undefined && figure(cell, 'loadBusy').median > BUSY && figure(cell, 'serverBusy').median < BUSY;
}

/** Whether a ratio is missing because a contender failed or was not present. */
export function hasGaps(results: Results): boolean {
  if (results.kind === 'programs' || results.kind === 'tls') {
    return failuresOf(results).length > 0 || results.contenders.some(({ missing }) => missing !== undefined);
  }
  const compared = [ours(results), NODE_NET, BUN, ...C_REFERENCES];
  const present = results.contenders.filter(({ missing }) => missing === undefined).map(({ name }) => name);
  return (
    compared.some((name) => name === undefined || !present.includes(name)) ||
    failuresOf(results).some(({ contender }) => compared.includes(contender))
  );
}

/** The name of the contender that stands for overlapped in a run. */
export function ours({ contenders }: Results): string | undefined {
  return OURS.find((name) => contenders.some((found) => found.name === name && found.missing === undefined));
}

/**
 * The target lines of a run. Memory for an idle connection has several, because it can be understood in several ways; the
 * one in which overlapped is the least ahead of node:net comes first.
 */
export function linesOf(results: Results): readonly TargetLine[] {
  const worth = (line: TargetLine): number => reachedOf(results, line)?.[NODE_NET_COLUMN]?.ratio.median ?? Number.NaN;
  const idle = TARGETS.filter(({ scenario }) => scenario === IDLE_SCENARIO);
  const worstFirst = idle.every((line) => Number.isFinite(worth(line)))
    ? idle.sort((a, b) => worth(b) - worth(a))
    : idle;
  let next = 0;
  return TARGETS.map((line) => (line.scenario === IDLE_SCENARIO ? (worstFirst[next++] as TargetLine) : line));
}

/**
 * The ratios of a line to each of the references, or undefined when it was not in a run.
 * @param contender the one that is compared
 */
export function reachedOf(
  results: Results,
  line: TargetLine,
  contender = ours(results) ?? '',
): readonly Reached[] | undefined {
  const { scenario, metric } = line;
  if (!results.cells.some((cell) => cell.scenario === scenario)) {
    return undefined;
  }
  const own = cellOf(results, scenario, contender);
  const inC = C_REFERENCES.map((name) => cellOf(results, scenario, name)).filter((cell) => cell !== undefined);
  const references: readonly (Cell | undefined)[] = [
    cellOf(results, scenario, NODE_NET),
    cellOf(results, scenario, BUN),
    bestOf(inC, metric, line.less),
  ];
  const other = OTHER_WAYS[metric];
  return references.map((reference, index): Reached => {
    const target = line.ratios[index];
    const found = ratio(own, reference, metric);
    return {
      ratio: found,
      target,
      reached: target !== undefined && (line.less ? found.median <= target : found.median >= target),
      otherWay: other && { words: other.words, ratio: ratio(own, reference, other.metric).median },
      loadLimited: other !== undefined && (isLoadLimited(own) || isLoadLimited(reference)),
    };
  });
}

/** A ratio with its target; a missed target is bold. A quick run is not judged. */
export function reachedText({ less }: Pick<TargetLine, 'less'>, found: Reached, quick: boolean): string {
  const { ratio, target, reached, otherWay, loadLimited } = found;
  if (!Number.isFinite(ratio.median)) {
    return target === undefined ? NOTHING : '**not measured**';
  }
  const notes = [
    ...(ratio.least < ratio.most ? [`${twoDecimals(ratio.least)} to ${twoDecimals(ratio.most)}`] : []),
    ...(otherWay === undefined ? [] : [`${otherWay.words} ${twoDecimals(otherWay.ratio)}`]),
    ...(loadLimited ? ['load at its limit'] : []),
  ];
  const value = twoDecimals(ratio.median);
  const judged = quick || target === undefined || reached ? value : `**${value}**`;
  const bound = quick || target === undefined ? '' : ` (${less ? '≤' : '≥'} ${twoDecimals(target)})`;
  return `${judged}${bound}${notes.length === 0 ? '' : `; ${notes.join('; ')}`}`;
}

/** The text of a ratio that should be small. @param most the target, if there is one */
export function smallRatioText(
  own: Cell | undefined,
  reference: Cell | undefined,
  metric: Metric,
  most: number | undefined,
  quick: boolean,
): string {
  const found = ratio(own, reference, metric);
  const reached = most !== undefined && found.median <= most;
  const text = { ratio: found, target: most, reached, otherWay: undefined, loadLimited: false };
  return reachedText({ less: true }, text, quick);
}
