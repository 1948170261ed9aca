/** Whether a driver works here: its probe, and a wake-up through Node's event loop and back. */

import { setTimeout as delay } from 'node:timers/promises';
import { performanceNow } from '../base/runtime.js';
import { CompletionPort, type DriverName, type DriverReport, OperationError } from '../port.js';

/** How long a wake-up may take to arrive, in ms. */
const WAKE_TIMEOUT_MS = 2000;

/** Until then the port has found out how to wake the event loop, and waits in it, in ms. */
const SETTLE_MS = 50;

/** Wake-ups that are timed. */
const WAKE_UPS = 9;

export interface DriverCheck {
  readonly name: DriverName;
  readonly usable: boolean;
  /** Why it is not usable, and what to do. */
  readonly reason?: string;
  readonly advice?: string;
  /** Optional system features in use. */
  readonly features?: readonly string[];
  readonly eventLoopWatch?: string;
  /** From the post of a wake-up to its completion; null when it did not arrive. */
  readonly wakeUpMicroseconds?: number | null;
}

/** Checks one driver as its probe reported it. */
export async function checkDriver({ name, probe }: DriverReport): Promise<DriverCheck> {
  if (!probe.usable) {
    return { name, usable: false, reason: probe.reason, advice: probe.advice };
  }
  try {
    const port = CompletionPort.create({ driver: name, bufferCount: 16 });
    try {
      const wakeUpMicroseconds = await timeWakeUp(port);
      const { features, eventLoopWatch = 'none' } = port;
      return { name, usable: true, features, eventLoopWatch, wakeUpMicroseconds };
    } finally {
      port.close();
    }
  } catch (error) {
    if (error instanceof OperationError) {
      return { name, usable: false, reason: error.message, advice: 'use another driver' };
    }
    throw error;
  }
}

/** A remark on a driver that is true in workers only; undefined when there is none. */
export function noteOnWorkers({ name, features }: DriverCheck): string | undefined {
  return name === 'io_uring' && features !== undefined && !features.includes('defer_taskrun')
    ? 'not in workers, which take epoll: this kernel has no DEFER_TASKRUN (Linux 6.1)'
    : undefined;
}

/** The time in µs that a wake-up takes while the event loop sleeps, the median of some, or null when one does not arrive. */
async function timeWakeUp(port: CompletionPort): Promise<number | null> {
  let arrived: () => void = () => undefined;
  port.start((completion) => {
    if (completion.kind === 'wakeUp') {
      arrived();
    }
  });
  await delay(SETTLE_MS);
  const times: number[] = [];
  for (let count = 0; count < WAKE_UPS; count++) {
    const arrival = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const timer = new AbortController();
    const late = delay(WAKE_TIMEOUT_MS, 'late', { signal: timer.signal }).catch(() => 'in time');
    const postedAt = performanceNow();
    port.wakeUp();
    if ((await Promise.race([arrival, late])) === 'late') {
      return null;
    }
    times.push(performanceNow() - postedAt);
    timer.abort();
    // The port goes back to sleep in the event loop.
    await delay(1);
  }
  times.sort((a, b) => a - b);
  return Math.round((times[WAKE_UPS >> 1] as number) * 1000);
}
