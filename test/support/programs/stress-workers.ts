/**
 * Terminates workers in the middle of traffic, again and again: workers of the program's own with an echo server each, and
 * the threads of a server, half of each. Arguments: driver, how many deaths, features to withhold (separated by commas).
 * `scripts/stress.js` runs it with what finds writes into freed memory. Prints counts as JSON.
 */

import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { type DriverChoice, listen } from 'overlapped';
import type { CompletionPortOptions } from 'overlapped/port';
import { programPath } from '../child.js';
import { eventually } from '../harness.js';
import { contextsOpen } from '../linux.js';
import { system } from '../system.js';

const [driverName = 'auto', deaths = '100', withheld = ''] = process.argv.slice(2);
const driver = driverName as DriverChoice;
const DEATHS = Number(deaths);
const options: CompletionPortOptions = {
  driver,
  disabledFeatures: withheld === '' ? [] : withheld.split(','),
  bufferCount: 64,
  bufferSizeBytes: 16384,
  submissionEntries: 64,
};

/** Workers at one time. */
const SLOTS = 3;
const THREADS = 2;
const PEERS = 6;
/** Something comes while a worker's memory is freed, too. */
const PAUSE_MS = 1;
const WAITING_BYTES_MAX = 65_536;
/** A worker lives for this long in traffic, at the most; each a different part of it. */
const LIFE_MS_MAX = 60;
/** Deaths before anything is counted. */
const WARM_UP = 6;

const result = { terminatedWorkers: 0, terminatedThreads: 0, wrongBytes: 0, echoedBytes: 0, driver: '' };

/** Sends its own letter all the time, whatever comes back, and sees that nothing else does. */
class Peer {
  readonly #letter: number;
  readonly socket;
  echoed = 0;

  constructor(port: number, index: number, greeting: number) {
    this.#letter = 65 + (index % 26);
    const message = Buffer.alloc(500 * (index + 1), this.#letter);
    let skip = greeting;
    this.socket = connect(port, '127.0.0.1').setNoDelay();
    const timer = setInterval(
      () => this.socket.writableLength < WAITING_BYTES_MAX && this.socket.write(message),
      PAUSE_MS,
    );
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => clearInterval(timer));
    this.socket.on('data', (data) => {
      const bytes = data.subarray(skip);
      skip = Math.max(0, skip - data.byteLength);
      this.echoed += bytes.byteLength;
      result.echoedBytes += bytes.byteLength;
      if (bytes.some((byte) => byte !== this.#letter)) {
        result.wrongBytes++;
      }
    });
  }
}

function peersAt(port: number, greeting = 0): Peer[] {
  return Array.from({ length: PEERS }, (_, index) => new Peer(port, index, greeting));
}

async function terminateWorker(seed: number): Promise<void> {
  const worker = new Worker(programPath('echo-worker'), { workerData: { options, mode: 'start' } });
  const [{ number }] = (await once(worker, 'message')) as [{ number: number }];
  const peers = peersAt(number);
  await eventually(() => peers.every((peer) => peer.echoed > 10_000), 'the traffic flows');
  await sleep((seed * 7) % LIFE_MS_MAX);
  await worker.terminate();
  result.terminatedWorkers++;
  peers.forEach((peer) => peer.socket.destroy());
}

async function terminateWorkers(count: number): Promise<void> {
  let left = count;
  const slots = Array.from({ length: SLOTS }, async () => {
    while (left > 0) {
      await terminateWorker(left--);
    }
  });
  await Promise.all(slots);
}

async function terminateThreads(count: number): Promise<void> {
  let died = 0;
  const server = await listen({
    host: '127.0.0.1',
    port: 0,
    threads: THREADS,
    driver,
    module: programPath('echo-handlers'),
    engineOptions: {
      bufferCount: 64,
      bufferSizeBytes: 16384,
      submissionEntries: 64,
      disabledFeatures: options.disabledFeatures ?? [],
    },
    onThreadDied: () => died++,
  });
  result.driver = server.driver;
  const { address } = server;
  const port = address.family === 'unix' ? 0 : address.port;
  for (let round = 0; round < count; round++) {
    const peers = peersAt(port, 1);
    await eventually(() => peers.every((peer) => peer.echoed > 10_000), 'the traffic flows');
    await sleep((round * 7) % LIFE_MS_MAX);
    server.pool.terminate(round % THREADS);
    await eventually(() => died === round + 1 && server.threadsReplaced === died, 'the thread is replaced');
    result.terminatedThreads++;
    peers.forEach((peer) => peer.socket.destroy());
  }
  await server.close({ deadlineMs: 0 });
}

/** Waits for resources that other threads free. */
async function count(atMost: {
  descriptors: number;
  contexts: number;
}): Promise<{ descriptors: number; contexts: number }> {
  for (let tries = 0; tries < 100; tries++) {
    if (system.descriptorsOpen() <= atMost.descriptors && contextsOpen() <= atMost.contexts) {
      break;
    }
    await sleep(50);
  }
  return { descriptors: system.descriptorsOpen(), contexts: contextsOpen() };
}

async function half(count: number): Promise<void> {
  await terminateWorkers(Math.ceil(count / 2));
  await terminateThreads(Math.floor(count / 2));
}

await half(WARM_UP);
const before = await count({ descriptors: 0, contexts: 0 });
await half(DEATHS);
const after = await count(before);
console.log(JSON.stringify({ ...result, before, after }));
process.exit(0);
