/**
 * Connections that say nothing, and by how much the server's process grows for each. The kernel's own memory for a
 * connection is not the process's, and not in it.
 *
 * Before each look nothing happens for a while, early in which a server that has a garbage collector collects. V8 gives back
 * what its young generation has grown by some eight seconds later.
 */

import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { residentBytes } from '../measuring.js';
import { cpuBetween, cpuLook } from './cpu.js';
import type { LoadOrder, Sample, Work } from './order.js';

type IdleWork = Extract<Work, { kind: 'idle' }>;

/** What the first connections bring into being once for all is not theirs: such as the receive buffers of a pool. */
const CONNECTIONS_BEFORE = 500;
/** Connections that wait for their answers at one time. */
const ANSWERS_IN_FLIGHT = 100;
const ANSWER_TIMEOUT_MS = 10_000;

const HELLO = 'hello';
const STILL_THERE = 'still there?';

class Client {
  readonly socket: Socket;
  /** The server has ended it. */
  ended = false;

  constructor(port: number) {
    const end = (): void => {
      this.ended = true;
    };
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.socket.on('error', end).on('end', end).on('close', end);
  }

  /** Has one message echoed. */
  async echo(message: string): Promise<void> {
    const answer = new Promise<string>((resolve) => {
      this.socket.once('data', (data) => resolve(String(data)));
      this.socket.once('close', () => resolve('the end of the connection'));
      setTimeout(() => resolve(`nothing for ${ANSWER_TIMEOUT_MS} ms`), ANSWER_TIMEOUT_MS);
    });
    this.socket.write(message);
    const found = await answer;
    if (found !== message) {
      throw new Error(`Wrong answer: found ${found}, wanted ${message}`);
    }
  }
}

/** Some at a time. */
async function echoAll(message: string, next: () => Client | undefined): Promise<void> {
  const echoSome = async (): Promise<void> => {
    for (let client = next(); client !== undefined; client = next()) {
      await client.echo(message);
    }
  };
  await Promise.all(Array.from({ length: ANSWERS_IN_FLIGHT }, echoSome));
}

/** Connects, and has one message echoed on each connection, so that the server has dealt with it. */
async function connectAll(port: number, count: number): Promise<readonly Client[]> {
  const clients: Client[] = [];
  await echoAll(HELLO, () => {
    if (clients.length === count) {
      return undefined;
    }
    const client = new Client(port);
    clients.push(client);
    return client;
  });
  return clients;
}

/** Memory of connections that are gone would be none. */
async function checkAlive(clients: readonly Client[]): Promise<void> {
  const gone = clients.filter(({ ended }) => ended).length;
  if (gone > 0) {
    throw new Error(`Connections ended: found ${gone} of ${clients.length} that the server has ended, wanted none`);
  }
  const left = clients.values();
  await echoAll(STILL_THERE, () => left.next().value);
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
  const cpuBefore = cpuLook(pid);
  const rest = await connectAll(port, work.connections);
  const cpuAfter = cpuLook(pid);
  const time = (performance.now() - began) * 1000;
  const after = await settledBytes(order, work.settleMs);
  const all = [...first, ...rest];
  await checkAlive(all);
  for (const { socket } of all) {
    socket.destroy();
  }
  return {
    units: work.connections,
    time,
    cpu: cpuBetween(cpuBefore, cpuAfter),
    loadCpu: 0,
    othersCpu: 0,
    residentBytes: after,
    growthBytes: (after - before) / work.connections,
  };
}
