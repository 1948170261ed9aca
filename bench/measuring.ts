/** What the measurements share. */

import { readFileSync } from 'node:fs';

/** Clock ticks a second of /proc/PID/stat (USER_HZ, 100 on every Linux that Node runs on). */
const TICKS_A_SECOND = 100;

/** Of the length in front of each message of the load. */
export const LENGTH_BYTES = 4;

/** Processor time, in µs. */
export interface CpuTime {
  readonly user: number;
  readonly system: number;
}

/** Time that a process has had so far (proc(5), stat: fields 14 and 15, behind the name); in steps of 10 ms. */
export function cpuTime(pid: number): CpuTime {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
    .map((field) => (Number(field) * 1e6) / TICKS_A_SECOND);
  return { user: fields[11] ?? Number.NaN, system: fields[12] ?? Number.NaN };
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** The median of each round's ratio, of two contenders that were measured in turn. */
export function medianRatio(values: readonly number[], reference: readonly number[]): number {
  return median(values.map((value, round) => value / (reference[round] ?? Number.NaN)));
}
