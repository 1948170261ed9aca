/** `overlapped bench`: loads any echo server, measures round trips, and checks every returned byte. */

import { setTimeout as delay } from 'node:timers/promises';
import { performanceNow } from '../../base/runtime.js';
import { type DriverChoice, type EngineOptions, formatAddress } from '../../index.js';
import { openEngine } from '../engine.js';
import { EXIT_FAILED, Failure } from '../failure.js';
import { parseTarget, resolveTarget } from '../target.js';
import { Load, type LoadOptions, type LoadRun } from './load.js';
import { LoadThreads } from './load-threads.js';
import { Progress } from './progress.js';
import { type BenchFigures, writeFigures } from './report.js';

export interface BenchOptions {
  readonly connections: number;
  readonly size: number;
  readonly pipeline: number;
  readonly duration: number;
  readonly warmup: number;
  readonly driver: DriverChoice;
  readonly threads: number;
  readonly json: boolean;
}

/** The longest that connecting may take, and that messages in flight at the end may take to return, in ms. */
const CONNECT_TIMEOUT_MS = 10_000;
const RETURN_TIMEOUT_MS = 5000;

/** Receive buffers of the port. They are larger for larger messages. */
const BUFFERS = 1024;
const BUFFER_BYTES_SMALL = 16_384;
const BUFFER_BYTES_LARGE = 65_536;

/** The most messages in flight on all connections together. Each takes memory. */
const MESSAGES_MAX = 2 ** 23;

/** Operations of the engine: each connection has a receive and a send, and twice as many are allowed. */
const OPERATIONS_PER_CONNECTION = 4;
const OPERATIONS_MIN = 2 ** 20;

function checkInFlight({ connections, pipeline }: BenchOptions): void {
  const messages = connections * pipeline;
  if (messages > MESSAGES_MAX) {
    throw new Failure(
      `too much in flight: ${connections} connections with ${pipeline} messages each are ${messages} messages, and at most ${MESSAGES_MAX} are possible; use fewer --connections or less --pipeline`,
    );
  }
}

/** Waits for `done`. @throws Failure after `timeoutMs`, or if the load fails before */
async function within(load: LoadRun, done: Promise<void>, timeoutMs: number, late: () => string): Promise<void> {
  const timer = new AbortController();
  const timeout = delay(timeoutMs, undefined, { signal: timer.signal }).then(() => {
    throw new Failure(late(), EXIT_FAILED);
  });
  timeout.catch(() => undefined);
  try {
    await Promise.race([done, load.failed, timeout]);
  } finally {
    timer.abort();
  }
}

/** Lets the load run. Rejects if it fails. */
async function during(load: LoadRun, seconds: number): Promise<void> {
  const timer = new AbortController();
  const over = delay(seconds * 1000, undefined, { signal: timer.signal });
  over.catch(() => undefined);
  try {
    await Promise.race([over, load.failed]);
  } finally {
    timer.abort();
  }
}

async function connectAll(load: LoadRun, { target, connections }: LoadOptions): Promise<void> {
  const late = (): string =>
    `cannot connect to ${target}: ${load.connected} of ${connections} connections were made in ${CONNECT_TIMEOUT_MS / 1000} s; use fewer --connections or check the server`;
  await within(load, load.connect(), CONNECT_TIMEOUT_MS, late);
}

async function run(load: LoadRun, loadOptions: LoadOptions, options: BenchOptions): Promise<BenchFigures> {
  const progress = new Progress(load, options.warmup + options.duration, !options.json);
  try {
    await connectAll(load, loadOptions);
    progress.start();
    load.send();
    await during(load, options.warmup);
    const before = { at: performanceNow(), messages: load.messages };
    load.measure();
    await during(load, options.duration);
    const seconds = (performanceNow() - before.at) / 1000;
    const messages = load.messages - before.messages;
    const late = (): string =>
      `messages are missing: ${load.inFlight} did not return in ${RETURN_TIMEOUT_MS / 1000} s; the server does not echo everything`;
    await within(load, load.finish(), RETURN_TIMEOUT_MS, late);
    return { messages, seconds, bytesChecked: load.bytesChecked, latency: load.latency };
  } finally {
    progress.stop();
    load.close();
  }
}

export async function bench(targetText: string, options: BenchOptions): Promise<void> {
  const target = parseTarget(targetText);
  const address = await resolveTarget(target);
  const name =
    'path' in target
      ? formatAddress(address)
      : targetText.replace(/^tcp:\/\/|\/$/g, '').replace(/^:?(\d+)$/, '127.0.0.1:$1');
  const bufferSizeBytes = options.size > BUFFER_BYTES_SMALL ? BUFFER_BYTES_LARGE : BUFFER_BYTES_SMALL;
  const { connections, size: sizeBytes, pipeline } = options;
  checkInFlight(options);
  const engineOptions: EngineOptions = {
    driver: options.driver,
    bufferCount: BUFFERS,
    bufferSizeBytes,
    operationsMax: Math.max(OPERATIONS_MIN, OPERATIONS_PER_CONNECTION * connections),
    engineQueuedBytesMax: Infinity,
  };
  // With several threads this one only reports which driver they use, or why it does not work.
  const engine = openEngine(engineOptions);
  try {
    const loadOptions = { address, target: name, connections, firstIndex: 0, sizeBytes, pipeline, bufferSizeBytes };
    const threads = Math.min(options.threads, connections);
    const load = threads === 1 ? new Load(engine, loadOptions) : new LoadThreads(threads, engineOptions, loadOptions);
    const figures = await run(load, loadOptions, options);
    writeFigures(figures, { ...options, target: name, driver: engine.driver });
  } finally {
    engine.close();
  }
}
