/**
 * Connections that say nothing, and by how much the server's process grows for each. The kernel's own memory for a
 * connection is not the process's, and not in it.
 *
 * Before each look nothing happens for a while, early in which a server that has a garbage collector collects. V8 gives back
 * what its young generation has grown by some eight seconds later.
 */

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { cpuTime, residentBytes } from '../measuring.js';
import type { LoadOrder, Sample, Work } from './order.js';

type IdleWork = Extract<Work, { kind: 'idle' }>;

/** What the first connections bring into being once for all is not theirs. */
const CONNECTIONS_BEFORE = 200;
const CONNECTS_IN_FLIGHT = 100;

const HELLO = 'hello';

/** Connects, and has one message echoed on each connection, so that the server has dealt with it. */
async function connectAll(port: number, count: number): Promise<readonly Socket[]> {
  const sockets: Socket[] = [];
  const connectSome = async (): Promise<void> => {
    while (sockets.length < count) {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true });
      sockets.push(socket);
      socket.write(HELLO);
      const [answer] = await once(socket, 'data');
      if (String(answer) !== HELLO) {
        throw new Error(`Wrong answer: found ${answer}, wanted ${HELLO}`);
      }
    }
  };
  await Promise.all(Array.from({ length: CONNECTS_IN_FLIGHT }, connectSome));
  return sockets;
}

async function settledBytes({ pid, collects }: LoadOrder, settleMs: number): Promise<number> {
  const early = settleMs / 5;
  await delay(early);
  if (collects) {
    process.kill(pid, 'SIGUSR2');
  }
  await delay(settleMs - early);
  return residentBytes(pid);
}

export async function idle(order: LoadOrder, work: IdleWork): Promise<Sample> {
  const { pid, port } = order;
  const first = await connectAll(port, CONNECTIONS_BEFORE);
  const before = await settledBytes(order, work.settleMs);
  const began = performance.now();
  const cpuBefore = cpuTime(pid);
  const rest = await connectAll(port, work.connections);
  const cpuAfter = cpuTime(pid);
  const time = (performance.now() - began) * 1000;
  const after = await settledBytes(order, work.settleMs);
  for (const socket of [...first, ...rest]) {
    socket.destroy();
  }
  return {
    units: work.connections,
    time,
    cpu: { user: cpuAfter.user - cpuBefore.user, system: cpuAfter.system - cpuBefore.system },
    loadCpu: 0,
    othersCpu: 0,
    residentBytes: after,
    growthBytes: (after - before) / work.connections,
  };
}
