/** `overlapped bench`: drives any echo server and says how fast it answers, and whether with the right bytes. */

import { setTimeout as delay } from 'node:timers/promises';
import { type CompletionPort, formatAddress, OperationError } from '../index.js';
import { type BenchFigures, writeFigures } from './bench-report.js';
import { EXIT_FAILED, EXIT_USAGE, Failure } from './failure.js';
import { connectFailure, Load, type LoadOptions } from './load.js';
import { openPort } from './port.js';
import { Progress } from './progress.js';
import { parseTarget, resolveTarget } from './target.js';

export interface BenchOptions {
  readonly connections: number;
  readonly size: number;
  readonly pipeline: number;
  readonly duration: number;
  readonly warmup: number;
  readonly driver: string;
  readonly json: boolean;
}

/** How long connecting may take, and how long what is in flight at the end may take to return, in ms. */
const CONNECT_TIMEOUT_MS = 10_000;
const RETURN_TIMEOUT_MS = 5000;

/** The port's receive buffers: larger ones for larger messages. */
const BUFFERS = 1024;
const BUFFER_BYTES_SMALL = 16_384;
const BUFFER_BYTES_LARGE = 65_536;

/** The most operations a port can have in flight. */
const OPERATIONS_MAX = 2 ** 24;
const OPERATIONS_MIN = 2 ** 20;

/** Each connection has its sends, a receive, and room for a send that has returned but not completed. */
function operationsFor({ connections, pipeline }: BenchOptions): number {
  const operations = connections * (2 * pipeline + 2);
  if (operations > OPERATIONS_MAX) {
    throw new Failure(
      `too much in flight: ${connections} connections with ${pipeline} messages each need ${operations} operations, and a port has ${OPERATIONS_MAX}; use fewer --connections or less --pipeline`,
    );
  }
  return Math.max(operations, OPERATIONS_MIN);
}

/** Waits for `done` for as long as it may take and nothing has failed. */
async function within(load: Load, done: Promise<void>, timeoutMs: number, late: () => string): Promise<void> {
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

/** Lets the load run, unless it fails before. */
async function during(load: Load, seconds: number): Promise<void> {
  const timer = new AbortController();
  const over = delay(seconds * 1000, undefined, { signal: timer.signal });
  over.catch(() => undefined);
  try {
    await Promise.race([over, load.failed]);
  } finally {
    timer.abort();
  }
}

async function connectAll(load: Load, { target, connections }: LoadOptions): Promise<void> {
  const late = (): string =>
    `cannot connect to ${target}: ${load.connected} of ${connections} connections were made in ${CONNECT_TIMEOUT_MS / 1000} s; use fewer --connections or check the server`;
  try {
    await within(load, load.connect(), CONNECT_TIMEOUT_MS, late);
  } catch (error) {
    // A socket that cannot be made or a path that is none is not the server's doing.
    throw error instanceof OperationError ? connectFailure(target, error, EXIT_USAGE) : error;
  }
}

async function run(port: CompletionPort, loadOptions: LoadOptions, options: BenchOptions): Promise<BenchFigures> {
  const load = new Load(port, loadOptions);
  const progress = new Progress(load, options.warmup + options.duration, !options.json);
  try {
    await connectAll(load, loadOptions);
    progress.start();
    load.send();
    await during(load, options.warmup);
    const before = { at: performance.now(), messages: load.messages };
    load.measure();
    await during(load, options.duration);
    const seconds = (performance.now() - before.at) / 1000;
    const messages = load.messages - before.messages;
    const late = (): string =>
      `messages are missing: ${load.inFlight} did not come back in ${RETURN_TIMEOUT_MS / 1000} s; the server does not echo all it is sent`;
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
  const operationsMax = operationsFor(options);
  const port = openPort({ driver: options.driver, buffersMax: BUFFERS, bufferSizeBytes, operationsMax });
  try {
    const { connections, size: sizeBytes, pipeline } = options;
    const figures = await run(
      port,
      { address, target: name, connections, sizeBytes, pipeline, bufferSizeBytes },
      options,
    );
    writeFigures(figures, { ...options, target: name, driver: port.driver });
  } finally {
    port.close();
  }
}
