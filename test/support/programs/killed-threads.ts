/**
 * A server on three threads that die one after the other in mid-traffic. Arguments: driver, distribution, how many die.
 * Prints, as JSON, what the connections of the other threads saw, and before and after it descriptors,
 * contexts of asynchronous I/O, and memory.
 */

import { readdirSync } from 'node:fs';
import { connect as connectNet, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Distribution, type DriverChoice, listen } from 'overlapped';
import { programPath } from '../child.js';
import { eventually, inTime } from '../harness.js';
import { contextsOpen } from '../linux.js';
import { stage, standingOf } from '../standing.js';

const [driverName = 'auto', distribution = 'dispatch', kills = '30'] = process.argv.slice(2);
const driver = driverName as DriverChoice;
const THREADS = 3;
const CLIENTS = 12;
/** Deaths before anything is measured: what the first ones bring into being once for all is no leak. */
const WARM_UP = 6;
/** Between two messages of a connection: all together leave the processors time for threads that start. */
const PAUSE_MS = 6;
/** Connections until one is given to a certain thread of three: it takes three, or a few more where chance decides. */
const TRIES_MAX = 100;
const MESSAGE = Buffer.alloc(300, 'still here ');

const deaths: string[] = [];
const server = await listen({
  host: '127.0.0.1',
  port: 0,
  driver,
  distribution: distribution as Distribution,
  threads: THREADS,
  module: programPath('echo-handlers'),
  onThreadDied: (error) => deaths.push((error as NodeJS.ErrnoException).code ?? error.message),
});
const { address } = server;
const port = address.family === 'unix' ? 0 : address.port;

let victim = -1;
let traffic = true;
const result = { lost: 0, lostUnserved: 0, failures: [] as string[], rounds: 0 };

class Client {
  readonly socket: Socket;
  thread = -1;
  rounds = 0;
  #missing = 1;
  over = false;

  constructor() {
    this.socket = connectNet(port, '127.0.0.1');
    this.socket.on('data', (data) => this.#received(data));
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => this.#closed());
  }

  #received(data: Buffer): void {
    if (this.thread < 0) {
      this.thread = Number(data.toString('latin1', 0, 1));
    } else if (
      !MESSAGE.subarray(MESSAGE.length - this.#missing)
        .subarray(0, data.length)
        .equals(data)
    ) {
      result.failures.push('wrong bytes');
    }
    this.#missing -= data.length;
    if (this.#missing === 0 && traffic) {
      this.rounds++;
      result.rounds++;
      this.#missing = MESSAGE.length;
      setTimeout(() => this.socket.write(MESSAGE), PAUSE_MS);
    }
  }

  #closed(): void {
    this.over = true;
    if (!traffic) {
      return;
    }
    if (this.thread === victim) {
      result.lost++;
    } else if (this.thread < 0) {
      result.lostUnserved++;
    } else {
      result.failures.push(`a connection of thread ${this.thread} ended as ${victim} died`);
    }
  }
}

let clients: Client[] = [];

async function serveAll(): Promise<void> {
  clients = clients.filter((client) => !client.over);
  const missing = [0, 1, 2].some((thread) => !clients.some((client) => client.thread === thread));
  stage(`death ${deaths.length}: serving ${clients.length}, ${server.connectionsByThread} by thread`);
  for (let count = clients.length; count < CLIENTS || (missing && count < CLIENTS + THREADS); count++) {
    clients.push(new Client());
  }
  const before = clients.map((client) => client.rounds);
  await eventually(
    () => clients.every((client, index) => client.over || client.rounds > (before[index] as number) + 2),
    'all connections are served',
  );
}

async function kill(round: number): Promise<void> {
  const died = deaths.length;
  const replaced = server.threadsReplaced;
  victim = round % THREADS;
  const how = ['terminate', 'throw', 'exit'][Math.floor(round / THREADS) % 3] as string;
  stage(`death ${died}: ${how} of ${victim}`);
  const target = clients.find((client) => client.thread === victim && !client.over);
  if (how === 'terminate' || target === undefined) {
    server.pool.terminate(victim);
  } else {
    // On a connection of its own in the thread, so that its echo falls between other messages.
    await order(how);
  }
  await replacement(() => deaths.length > died, `the death of thread ${victim} (${how})`);
  await replacement(() => server.threadsReplaced > replaced, `the replacement of thread ${victim} (${how})`);
  // Its connections must be gone before the next death: the clients that count as served are those that are left. The
  // kernel may close a socket that a ring was receiving on 50 ms after the ring.
  await eventually(
    () => clients.every((client) => client.over || client.thread !== victim),
    `the connections of thread ${victim} are lost`,
  );
}

/** Waits for an event of a thread. If it does not come, the threads are still there to be described. */
async function replacement(condition: () => boolean, what: string): Promise<void> {
  stage(`death ${deaths.length}: ${what}`);
  try {
    await eventually(condition, what);
  } catch (error) {
    console.error(await standingOf(process.pid));
    throw error;
  }
}

/** Finds a connection to the victim, and sends the word on it. */
async function order(word: string): Promise<void> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const socket = connectNet(port, '127.0.0.1').on('error', () => undefined);
    const answer = new Promise<string>((resolve) => {
      socket.once('data', (data) => resolve(String(data)));
      socket.once('close', () => resolve(''));
    });
    const said = await inTime(answer, `the number of a thread, while there are ${server.connectionsByThread}`);
    if (said === String(victim)) {
      socket.write(word);
      return;
    }
    socket.destroy();
  }
  throw new Error(`No connection to thread ${victim} in ${TRIES_MAX} tries: there are ${server.connectionsByThread}`);
}

async function measure(): Promise<{ descriptors: number; contexts: number; rssBytes: number }> {
  stage(`death ${deaths.length}: measuring`);
  traffic = false;
  clients.forEach((client) => client.socket.destroy());
  clients = [];
  await eventually(() => server.connectionsCount === 0, 'no connection is left');
  await sleep(300);
  globalThis.gc?.();
  await sleep(200);
  traffic = true;
  const descriptors = readdirSync('/proc/self/fd').length;
  return { descriptors, contexts: contextsOpen(), rssBytes: process.memoryUsage.rss() };
}

for (let round = 0; round < WARM_UP; round++) {
  await serveAll();
  await kill(round);
}
const before = await measure();
for (let round = 0; round < Number(kills); round++) {
  await serveAll();
  await kill(round);
}
await serveAll();
const after = await measure();
traffic = false;
stage('closing');
await inTime(server.close({ deadlineMs: 1000 }), 'the end of the server');
stage('exiting');
console.log(JSON.stringify({ ...result, deaths: deaths.length, before, after }));
