/**
 * Servers on many threads. All threads run on the same processor, and the load on the other one. So the processor time of
 * a message shows what more threads cost; the rate does not show what they gain.
 */

import { MESSAGE_BYTES } from '../servers/roles.js';
import type { Scenario } from './scenario.js';
import { broadcastWork, CONNECTING, connectsWork, countText, echoWork, SMALL_BYTES } from './works.js';

export const THREADS = [1, 2, 4] as const;

const DRIVERS = ['io_uring', 'epoll'] as const;

/** A server without threads of its own, and servers with them. */
const CONTENDERS = [
  ...DRIVERS.map((driver) => `engine:${driver}`),
  ...DRIVERS.flatMap((driver) => THREADS.map((threads) => `threads-${threads}:${driver}`)),
  ...DRIVERS.map((driver) => `threads-4-reuse:${driver}`),
];

const CONNECTIONS = 500;

function broadcast(name: string, members: number): Scenario {
  return {
    name,
    title: () =>
      `Many threads: messages of ${MESSAGE_BYTES} bytes, one at a time, to ${countText(members)} subscribers of a topic`,
    role: 'broadcast',
    unit: 'delivery',
    contenders: CONTENDERS,
    work: () => broadcastWork(members),
  };
}

export const CORES_SCENARIOS: readonly Scenario[] = [
  {
    name: 'cores-echo',
    title: () => `Many threads: ping-pong of ${SMALL_BYTES} bytes, ${CONNECTIONS} connections`,
    role: 'echo',
    unit: 'message',
    contenders: CONTENDERS,
    work: () => echoWork(CONNECTIONS, SMALL_BYTES),
  },
  {
    name: 'cores-connect',
    title: () => `Many threads: connections that are made, echo ${SMALL_BYTES} bytes and end, ${CONNECTING} at a time`,
    role: 'echo',
    unit: 'connection',
    warmsUpSlowly: true,
    contenders: CONTENDERS,
    work: connectsWork,
  },
  broadcast('cores-broadcast', 1000),
  // With this few subscribers, most of the cost is the message between threads.
  broadcast('cores-hop', 4),
];
