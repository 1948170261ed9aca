/**
 * Servers that have little to do. Messages come evenly, whether earlier ones have been answered or not. Each finds the
 * server asleep and its code out of the processor's caches, as on most servers in use.
 */

import { MAIN_CONTENDERS } from '../contender.js';
import type { Work } from '../load/order.js';
import type { Scenario } from './scenario.js';
import { countText, SMALL_BYTES } from './works.js';

/** Messages a second of all connections together. */
const RATES = [200, 2000, 10_000] as const;
const CONNECTIONS = [20, 500] as const;
/** The percentile 99 needs some messages above it. */
const MESSAGES_MIN = 600;
const MESSAGES_MIN_QUICK = 200;
const SECOND_MS = 1000;
/**
 * The first warm-up: at 200 a second, just-in-time compilers would need minutes to find the code that a server in use
 * has compiled long ago. The connections end and come anew a few times, as V8 abandons compiled code when something
 * happens in it for the first time, such as the end of a connection.
 */
const WARM_UP_RATE = 20_000;
const WARM_UPS = 5;

function light(connections: number, perSecond: number): Scenario {
  const work = (rate: number): Work => ({ kind: 'paced', connections, perSecond: rate, sizeBytes: SMALL_BYTES });
  return {
    name: `light-${perSecond}x${connections}`,
    title: () =>
      `Light load: ${countText(perSecond)} messages of ${SMALL_BYTES} bytes a second, evenly, over ${connections} connections`,
    role: 'echo',
    unit: 'message',
    warmsUpSlowly: true,
    lightLoad: true,
    notQuick: connections !== CONNECTIONS[0] || perSecond === RATES[0],
    contenders: MAIN_CONTENDERS,
    measureMsMin: (quick) => ((quick ? MESSAGES_MIN_QUICK : MESSAGES_MIN) / perSecond) * SECOND_MS,
    work: () => work(perSecond),
    warmUpWorks: () => [...Array.from({ length: WARM_UPS }, () => work(WARM_UP_RATE)), work(perSecond)],
  };
}

export const LIGHT_LOADS: readonly Scenario[] = CONNECTIONS.flatMap((connections) =>
  RATES.map((perSecond) => light(connections, perSecond)),
);
