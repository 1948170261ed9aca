/**
 * Servers on many threads. All threads have the same processor, and the load the other one: so the processor time of a
 * message is what more threads cost, and the rate is not what they gain.
 */

import type { Scenario } from './scenario.js';
import { MESSAGE_BYTES } from './servers/roles.js';

export const THREADS = [1, 2, 4] as const;

/** A server without threads of its own, and those with. */
const CONTENDERS = [
  'engine:io_uring',
  'engine:epoll',
  ...['io_uring', 'epoll'].flatMap((driver) => THREADS.map((threads) => `threads-${threads}:${driver}`)),
  ...['io_uring', 'epoll'].map((driver) => `threads-4-reuse:${driver}`),
];

const CONNECTIONS = 500;
const SMALL_BYTES = 64;

function broadcast(name: string, members: number): Scenario {
  return {
    name,
    title: () =>
      `Many threads: messages of ${MESSAGE_BYTES} bytes, one at a time, to ${members.toLocaleString('en')} subscribers of a topic`,
    role: 'broadcast',
    unit: 'delivery',
    contenders: CONTENDERS,
    work: () => ({ kind: 'broadcast', members, sizeBytes: MESSAGE_BYTES, burst: 1, inFlight: 1 }),
  };
}

export const CORES_SCENARIOS: readonly Scenario[] = [
  {
    name: 'cores-echo',
    title: () => `Many threads: ping-pong of ${SMALL_BYTES} bytes, ${CONNECTIONS} connections`,
    role: 'echo',
    unit: 'message',
    contenders: CONTENDERS,
    work: () => ({
      kind: 'echo',
      connections: CONNECTIONS,
      active: CONNECTIONS,
      sizeBytes: SMALL_BYTES,
      pipeline: 1,
    }),
  },
  {
    name: 'cores-connect',
    title: () => `Many threads: connections that are made, echo ${SMALL_BYTES} bytes and end, 200 at a time`,
    role: 'echo',
    unit: 'connection',
    warmsUpSlowly: true,
    contenders: CONTENDERS,
    work: () => ({ kind: 'connects', inFlight: 200, sizeBytes: SMALL_BYTES }),
  },
  broadcast('cores-broadcast', 1000),
  // So few that what a message between threads takes is most of it.
  broadcast('cores-hop', 4),
];
