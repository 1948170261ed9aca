/** The processor time of a process between two reads. */

import { type CpuTime, cpuTime } from '../measuring.js';
import { processTime } from './process-clock.js';

/** Times so far, in µs. */
export interface CpuLook {
  /** In steps of 10 ms: too coarse for a server with little to do, but they tell user from system. */
  readonly ticks: CpuTime;
  readonly exact: number;
}

export const cpuLook = (pid: number): CpuLook => ({ ticks: cpuTime(pid), exact: processTime(pid) });

/** The exact time, divided as the ticks are. */
export function cpuBetween(first: CpuLook, last: CpuLook): CpuTime {
  const user = last.ticks.user - first.ticks.user;
  const system = last.ticks.system - first.ticks.system;
  const exact = last.exact - first.exact;
  // No tick at all: most of a short message's time is the system's.
  const userShare = user + system > 0 ? user / (user + system) : 0;
  return { user: exact * userShare, system: exact * (1 - userShare) };
}
