/**
 * The processor time of a process, in ns, as the scheduler counts it: the sum of the first numbers of
 * `/proc/PID/task/TID/schedstat`, and the time of the threads that have ended, which no file shows.
 */

import { Library } from '../../src/ffi/library.js';

/** The number of a process's clock, as clock_getcpuclockid(3) makes it; Linux' posix-timers.h: CPUCLOCK_SCHED. */
const CPUCLOCK_SCHED = 2;
const SECOND_MICROSECONDS = 1e6;

const clockGettime = new Library(null).declare('int clock_gettime(int clock, void *time)');
/** A timespec: seconds, then nanoseconds. */
const timespec = new BigInt64Array(2);
const timespecBytes = new Uint8Array(timespec.buffer);

/**
 * The time of all threads so far, in µs. A thread that runs now is counted up to the last tick of its processor.
 * @throws Error if there is no such process
 */
export function processTime(pid: number): number {
  const clock = (~pid << 3) | CPUCLOCK_SCHED;
  if (clockGettime(clock, timespecBytes) !== 0) {
    throw new Error(`Cannot read the processor time of process ${pid}: found no clock of it`);
  }
  const [seconds = 0n, nanoseconds = 0n] = timespec;
  return Number(seconds) * SECOND_MICROSECONDS + Number(nanoseconds) / 1000;
}
