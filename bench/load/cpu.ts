/** The processor time of a process between two reads, in ns if the system records them. */

import { readdirSync, readFileSync } from 'node:fs';
import { type CpuTime, cpuTime, TICK_MICROSECONDS } from '../measuring.js';

/** Each of both ends of user and of system time is up to a tick early. With more, a thread has ended meanwhile. */
const TICKS_APART_MAX = 3;
/** A thread may end after it was listed and before it is read. */
const ATTEMPTS = 2;

export interface CpuLook {
  readonly ticks: CpuTime;
  /** The time of each thread, in µs; none if the system does not record it. */
  readonly threads: ReadonlyMap<string, number>;
}

/** Linux' sched-stats.txt, /proc/PID/schedstat: the first number, in ns. */
function threadTimes(pid: number): ReadonlyMap<string, number> {
  const tasks = `/proc/${pid}/task`;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    try {
      const timeOf = (task: string): number =>
        Number(readFileSync(`${tasks}/${task}/schedstat`, 'utf8').split(' ')[0]) / 1000;
      return new Map(readdirSync(tasks).map((task) => [task, timeOf(task)]));
    } catch {
      // Then the ticks do.
    }
  }
  return new Map();
}

export const cpuLook = (pid: number): CpuLook => ({ ticks: cpuTime(pid), threads: threadTimes(pid) });

/** The exact time, in the parts that the system's samples of it show. */
export function cpuBetween(first: CpuLook, last: CpuLook): CpuTime {
  const user = last.ticks.user - first.ticks.user;
  const system = last.ticks.system - first.ticks.system;
  let exact = 0;
  for (const [thread, time] of last.threads) {
    exact += time - (first.threads.get(thread) ?? 0);
  }
  if (!(exact > 0) || Math.abs(exact - user - system) > TICKS_APART_MAX * TICK_MICROSECONDS) {
    return { user, system };
  }
  const userShare = user / (user + system);
  // So little that no sample fell into it: most of a short message's time is the system's.
  return user + system === 0
    ? { user: 0, system: exact }
    : { user: exact * userShare, system: exact * (1 - userShare) };
}
