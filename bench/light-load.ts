/**
 * Servers that have little to do: messages that come evenly, whether earlier ones have been answered or not. Each finds
 * the server asleep and its code out of the processor's caches, as most do where a server is in use.
 */

import type { Work } from './load/order.js';
import type { Scenario } from './scenario.js';

const SIZE_BYTES = 64;
/** Messages a second of all connections together. */
const RATES = [200, 2000, 10_000] as const;
const CONNECTIONS = [20, 500] as const;
/** A percentile of 99 needs some messages above it. */
const MESSAGES_MIN = 600;
const MESSAGES_MIN_QUICK = 200;
const SECOND_MS = 1000;
/**
 * The first warm-up: at 200 a second, just-in-time compilers would need minutes to find the code that a server in use
 * has compiled long ago. With connections that end and come anew a few times, as V8 abandons compiled code when
 * something happens in it for the first time, such as the end of a connection.
 */
const WARM_UP_RATE = 20_000;
const WARM_UPS = 5;

const count = (value: number): string => value.toLocaleString('en');

function light(connections: number, perSecond: number): Scenario {
  const work = (rate: number): Work => ({ kind: 'paced', connections, perSecond: rate, sizeBytes: SIZE_BYTES });
  return {
    name: `light-${perSecond}x${connections}`,
    title: () =>
      `Light load: ${count(perSecond)} messages of 64 bytes a second, evenly, over ${connections} connections`,
    role: 'echo',
    unit: 'message',
    warmsUpSlowly: true,
    lightLoad: true,
    notQuick: connections !== CONNECTIONS[0] || perSecond === RATES[0],
    contenders: ['engine:io_uring', 'engine:epoll', 'net', 'bun', 'c:epoll', 'c:io_uring'],
    measureMsMin: (quick) => ((quick ? MESSAGES_MIN_QUICK : MESSAGES_MIN) / perSecond) * SECOND_MS,
    work: () => work(perSecond),
    warmUpWorks: () => [...Array.from({ length: WARM_UPS }, () => work(WARM_UP_RATE)), work(perSecond)],
  };
}

export const LIGHT_LOADS: readonly Scenario[] = CONNECTIONS.flatMap((connections) =>
  RATES.map((perSecond) => light(connections, perSecond)),
);
