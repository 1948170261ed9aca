/** Checks whether a driver works here: by its probe, and by a wake-up through Node's event loop. */

import { setTimeout as delay } from 'node:timers/promises';
import { performanceNow } from '../../base/runtime.js';
import { CompletionPort, type DriverName, type DriverReport, OperationError, probeDrivers } from '../../port.js';

/** The longest that a wake-up may take, in ms. */
const WAKE_TIMEOUT_MS = 2000;

/** After this time, in ms, the port has found out how to wake the event loop, and waits in it. */
const SETTLE_MS = 50;

/** How many wake-ups are timed. */
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
  /** The time from the post of a wake-up to its completion; null if it did not arrive. */
  readonly wakeUpMicroseconds?: number | null;
}

/** Checks every driver, those of other systems last. */
export async function checkDrivers(): Promise<DriverCheck[]> {
  const checks: DriverCheck[] = [];
  for (const report of probeDrivers()) {
    checks.push(await checkDriver(report));
  }
  return checks;
}

async function checkDriver({ name, probe }: DriverReport): Promise<DriverCheck> {
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

/** Returns the median time of a wake-up while the event loop sleeps, in µs, or null if one does not arrive. */
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
    // Let the port go back to sleep in the event loop.
    await delay(1);
  }
  times.sort((a, b) => a - b);
  return Math.round((times[WAKE_UPS >> 1] as number) * 1000);
}
