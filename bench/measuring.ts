/** What is read of a process, and what is made of many numbers. */

import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks a second of /proc/PID/stat (USER_HZ, 100 on every Linux that Node runs on). */
const TICKS_A_SECOND = 100;

/** Processor time of all threads of a process, in µs. */
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

/** The same together, to the ns, where the system keeps it (Linux' sched-stats.txt, /proc/PID/schedstat); else NaN. */
export function exactCpuTime(pid: number): number {
  try {
    const tasks = `/proc/${pid}/task`;
    const times = readdirSync(tasks).map((task) =>
      Number(readFileSync(`${tasks}/${task}/schedstat`, 'utf8').split(' ')[0]),
    );
    return times.reduce((sum, time) => sum + time, 0) / 1000;
  } catch {
    return Number.NaN;
  }
}

/** Time that all programs have had on all processors so far (proc(5), stat: all but idle and iowait), in µs. */
export function machineCpuTime(): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = readFileSync('/proc/stat', 'utf8')
    .replace(/\n[\s\S]*/, '')
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return ((user + nice + system + irq + softirq) * 1e6) / TICKS_A_SECOND;
}

/** Bytes of a process that are in memory (proc(5), status). */
export function residentBytes(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[sorted.length >> 1] ?? Number.NaN;
  const lower = sorted[(sorted.length - 1) >> 1] ?? Number.NaN;
  return (lower + upper) / 2;
}
