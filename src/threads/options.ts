/** Options of a server on many threads: what is posted to them, and what stays in the main thread. */

import type { Buffer } from 'node:buffer';
import { resolve } from 'node:path';
import { pathToFileURL, URL } from 'node:url';
import type { ResourceLimits } from 'node:worker_threads';
import { OperationError, textOf } from '../base/errors.js';
import { structuredClone } from '../base/runtime.js';
import type { Endpoint } from '../engine/endpoint.js';
import type { HandlerErrorSink, Handlers } from '../engine/handlers.js';
import { checkNumber } from '../engine/options.js';
import type { ListenOptions } from '../engine/server/listen.js';
import type { PlainEngineOptions } from './protocol.js';
import type { ServerInThread } from './server-in-thread.js';

/**
 * How connections come to the threads. `dispatch`: the main thread accepts, and gives each to the thread with the
 * fewest; on every system. `share`: each thread listens for itself, and the system spreads connections by their
 * addresses; Linux only.
 */
export type Distribution = 'dispatch' | 'reuse_port';

/** Which thread a module is loaded in. */
export interface ThreadPlace {
  /** From 0 to `threads - 1`. A thread that replaces a dead one has its number. */
  readonly thread: number;
  /** The number of threads. */
  readonly threads: number;
  /** Sends to the connections of all threads, once they serve. */
  readonly server: ServerInThread;
}

/** What a thread's module may give: handlers, and options of `listen` that are functions or hold some. */
export type ThreadOptions<Context = unknown, Message = Buffer> = Omit<
  ListenOptions<Context, Message>,
  keyof Endpoint | 'engine' | 'driver' | 'ipv6Only' | 'reusePort' | 'backlog' | 'onListenError'
>;

/** The default export of a module that threads load. */
export type ThreadModule<Context = unknown, Message = Buffer> =
  | ThreadOptions<Context, Message>
  | ((place: ThreadPlace) => ThreadOptions<Context, Message> | Promise<ThreadOptions<Context, Message>>);

/**
 * Options of `listen` with `threads`. Those of a server go to each thread: plain values only. Limits on connections are
 * shared out (`connectionsMax`), or each thread's own (`connectionsPerAddressMax`).
 */
export interface ThreadedListenOptions
  extends Omit<ListenOptions, keyof Handlers | 'engine' | 'framing' | 'reusePort'> {
  /** How many threads serve, 1 to 256: as many as there are cores for it (`os.availableParallelism()`). */
  readonly threads: number;
  /** The module with the handlers as its default export (`ThreadModule`): a URL, or a file's path. */
  readonly module: URL | string;
  /** How connections come to the threads; `dispatch` unless told. */
  readonly distribution?: Distribution;
  /** Options of each thread's engine. */
  readonly engineOptions?: PlainEngineOptions;
  /** Memory that each thread may use, as `Worker` takes it. */
  readonly resourceLimits?: ResourceLimits;
  /**
   * Called with what a handler of any thread threw or rejected with where its connection has no handler `error`, with the
   * handler's name, the peer's address and the thread's number. By default a process warning.
   */
  readonly onHandlerError?: HandlerErrorSink;
  /** Told that a thread has died, with all its connections, and why; a process warning unless given. It is replaced. */
  readonly onThreadDied?: (error: Error) => void;
}

const THREADS_MAX = 256;

/** Options that the main thread uses itself. */
const KEPT: ReadonlySet<string> = new Set([
  'threads',
  'module',
  'distribution',
  'engineOptions',
  'resourceLimits',
  'host',
  'port',
  'path',
  'family',
  'hints',
  'lookup',
  'driver',
  'onHandlerError',
  'onListenError',
  'onThreadDied',
] satisfies (keyof ThreadedListenOptions)[]);

function invalid(reason: string): OperationError {
  return new OperationError({ code: 'ERR_INVALID_ARG_VALUE', reason, syscall: 'options' });
}

/** The checked options that each thread gets. @throws OperationError `ERR_INVALID_ARG_VALUE`, `ERR_OUT_OF_RANGE` */
export function checkThreadedOptions(options: ThreadedListenOptions): ListenOptions {
  const { threads } = options;
  const distribution = options.distribution ?? 'dispatch';
  checkNumber('threads', threads, { unlessTold: Number.NaN, least: 1, most: THREADS_MAX });
  if (!Number.isInteger(threads)) {
    throw invalid(`threads: expected a whole number, got ${textOf(threads)}`);
  }
  if (distribution !== 'dispatch' && distribution !== 'reuse_port') {
    throw invalid(`distribution: expected dispatch or share, got ${textOf(distribution)}`);
  }
  if (distribution === 'reuse_port' && (options.path ?? undefined) !== undefined) {
    throw invalid('distribution: expected dispatch with a path, got share: Linux shares no path');
  }
  if (typeof (options.driver ?? 'auto') !== 'string') {
    throw invalid('driver: expected the name of a driver, as threads cannot share one of your own');
  }
  const plain = postable(options);
  const connectionsMax = options.limits?.connectionsMax ?? undefined;
  checkNumber('limits.connectionsMax', connectionsMax, { unlessTold: 1, least: 1, most: Infinity });
  return connectionsMax === undefined
    ? plain
    : { ...plain, limits: { ...plain.limits, connectionsMax: Math.ceil(connectionsMax / threads) } };
}

/** Options for the threads: they must be values that can be posted. */
function postable(options: ThreadedListenOptions): ListenOptions {
  const plain = Object.entries(options).filter(
    ([name, value]) => !KEPT.has(name) && (value ?? undefined) !== undefined,
  );
  for (const [name, value] of [...plain, ['engineOptions', options.engineOptions] as const]) {
    if (name === 'engine' || name === 'reusePort') {
      throw invalid(`${name}: expected it without threads only: each has its own`);
    }
    try {
      structuredClone(value);
    } catch {
      throw invalid(
        `${name}: expected a plain value, as it is posted to the threads; export it from the module instead`,
      );
    }
  }
  return Object.fromEntries(plain);
}

/** The URL that threads import. */
export function moduleUrl(module: URL | string): string {
  if (module instanceof URL) {
    return module.href;
  }
  if (typeof module !== 'string') {
    throw invalid(`module: expected a URL or a path, got ${typeof module}`);
  }
  return /^(?:file|data|node):/.test(module) ? module : pathToFileURL(resolve(module)).href;
}
