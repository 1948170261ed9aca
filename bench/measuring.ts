/** Figures read of a process, and statistics of numbers. */

import { readdirSync, readFileSync } from 'node:fs';
import { LOAD_CPU, SERVER_CPU } from './paths.js';

/** A clock tick of /proc (USER_HZ, 100 a second on every Linux that Node runs on), in µs. */
export const TICK_MICROSECONDS = 10_000;

/** Processor time of all threads of a process, in µs. */
export interface CpuTime {
  readonly user: number;
  readonly system: number;
}

/** The processor time of a process so far (proc(5), stat: fields 14 and 15, after the name); in steps of 10 ms. */
export function cpuTime(pid: number): CpuTime {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
    .map((field) => Number(field) * TICK_MICROSECONDS);
  return { user: fields[11] ?? Number.NaN, system: fields[12] ?? Number.NaN };
}

/**
 * Time so far, in µs, in which the server's processor and the load's were not idle (proc(5), stat: all but idle and
 * iowait). What another machine on the same processors stole is in it, and other processors are not.
 */
export function busyTime(): number {
  const lines = readFileSync('/proc/stat', 'utf8').split('\n');
  const ticks = [SERVER_CPU, LOAD_CPU].map((cpu) => {
    const [, user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] =
      lines
        .find((line) => line.startsWith(`cpu${cpu} `))
        ?.split(' ')
        .map(Number) ?? [];
    return user + nice + system + irq + softirq + steal;
  });
  return ticks.reduce((sum, each) => sum + each, 0) * TICK_MICROSECONDS;
}

/** Bytes of a process that are in memory (proc(5), status). */
export function residentBytes(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
}

/** How many descriptors a process has open (proc(5), fd). */
export const descriptorsOpen = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;

/** NaN if one of them is: with one round unknown, all are. */
export function median(values: readonly number[]): number {
  if (values.some(Number.isNaN)) {
    return Number.NaN;
  }
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[sorted.length >> 1] ?? Number.NaN;
  const lower = sorted[(sorted.length - 1) >> 1] ?? Number.NaN;
  return (lower + upper) / 2;
}
