/** Options of a server on many threads: what is posted to them, and what stays in the main thread. */

import type { Buffer } from 'node:buffer';
import { resolve } from 'node:path';
import { pathToFileURL, URL } from 'node:url';
import type { ResourceLimits, WorkerOptions } from 'node:worker_threads';
import { invalidType, misuse } from '../base/argument-errors.js';
import { structuredClone } from '../base/runtime.js';
import {
  aFunction,
  aNumber,
  anArrayOfStrings,
  anything,
  checkIsObject,
  checkOptions,
  namesOf,
  type OptionRules,
  type OptionTable,
  oneOf,
} from '../base/validate.js';
import { HANDLER_NAMES } from '../engine/connection-core/handler-table.js';
import type { Endpoint } from '../engine/endpoint.js';
import { checkPlainEngineOptions } from '../engine/engine-options.js';
import type { HandlerErrorSink, Handlers } from '../engine/handlers.js';
import { checkConnectionOptions, LISTEN_OPTIONS, LISTEN_RULES } from '../engine/option-tables.js';
import type { ListenOptions } from '../engine/server/listen.js';
import { lateCrypto } from '../tls/late-modules.js';
import { type ContextOptions, contextOptionsOf } from '../tls/options.js';
import type { PlainEngineOptions } from './protocol.js';
import type { ServerInThread } from './server-in-thread.js';

/**
 * How connections come to the threads. `dispatch`: the main thread accepts, and passes each connection to the thread with
 * the fewest; on every system. `reuse_port`: each thread listens on the same port, and the system distributes connections
 * by their addresses; Linux only.
 */
export type Distribution = 'dispatch' | 'reuse_port';

/** The argument of the function that a thread's module exports. */
export interface ThreadPlace<Data = unknown> {
  /** From 0 to `threads - 1`. A thread that replaces a dead one has its number. */
  readonly thread: number;
  /** The number of threads. */
  readonly threads: number;
  /** A copy of the option `threadData` of `listen`. */
  readonly data: Data;
  /** Sends to the connections of all threads, once they serve. */
  readonly server: ServerInThread;
}

/** The options that a thread's module may export: handlers, limits and timeouts, and options of `listen` that are functions or contain them. */
export type ThreadOptions<Context = unknown, Message = Buffer> = Omit<
  ListenOptions<Context, Message>,
  keyof Endpoint | 'engine' | 'driver' | 'ipv6Only' | 'reusePort' | 'backlog' | 'onListenError' | 'signal'
>;

/** The default export of a module that threads load. */
export type ThreadModule<Context = unknown, Message = Buffer, Data = unknown> =
  | ThreadOptions<Context, Message>
  | ((place: ThreadPlace<Data>) => ThreadOptions<Context, Message> | Promise<ThreadOptions<Context, Message>>);

/**
 * Options of `listen` with `threads`. The options of a server are posted to each thread, so they must be plain values.
 * `limits.connectionsMax` is divided among the threads; the other limits apply to each thread.
 */
export interface ThreadedListenOptions
  extends Omit<ListenOptions, keyof Handlers | 'engine' | 'framing' | 'heartbeat' | 'context' | 'reusePort'> {
  /** How many threads serve, 1 to 256. One for each core serves fastest (`os.availableParallelism()`). */
  readonly threads: number;
  /** The module with the handlers as its default export (`ThreadModule`): a URL, or a file's path. */
  readonly module: URL | string;
  /**
   * How connections come to the threads.
   * @default 'dispatch'
   */
  readonly distribution?: Distribution;
  /** Options of each thread's engine. */
  readonly engineOptions?: PlainEngineOptions;
  /** A value that each thread's module gets a copy of, as `data`: anything that `structuredClone` can copy. */
  readonly threadData?: unknown;
  /**
   * The environment variables of the threads, as `Worker` takes them.
   * @default a copy of this thread's
   */
  readonly env?: WorkerOptions['env'];
  /**
   * Command line options of Node for the threads, as `Worker` takes them.
   * @default those of this thread
   */
  readonly execArgv?: readonly string[];
  /** The memory that each thread may use, as `Worker` takes it. */
  readonly resourceLimits?: ResourceLimits;
  /**
   * Called with what a handler of any thread threw or rejected with when its connection has no handler `error`; and with the
   * handler's name, the peer's address and the thread's number.
   * @default a process warning, `OverlappedHandlerWarning`
   */
  readonly onHandlerError?: HandlerErrorSink;
  /**
   * Called when a thread has died with all its connections, and before it is replaced.
   * @default a process warning, `OverlappedThreadWarning`
   */
  readonly onThreadDied?: (error: Error) => void;
}

const THREADS_MAX = 256;

function aModule(name: string, module: unknown): void {
  if (!(module instanceof URL) && typeof module !== 'string') {
    throw invalidType(name, 'a URL or a path', module);
  }
}

function engineOptions(name: string, options: unknown): void {
  checkPlainEngineOptions(name, options as PlainEngineOptions);
}

/** Options that the main thread uses itself. */
const MAIN_OPTIONS = {
  threads: aNumber({ least: 1, most: THREADS_MAX, whole: true }),
  module: aModule,
  distribution: oneOf('dispatch', 'reuse_port'),
  engineOptions,
  resourceLimits: checkIsObject,
  threadData: anything,
  env: anything,
  execArgv: anArrayOfStrings,
  signal: LISTEN_OPTIONS.signal,
  host: LISTEN_OPTIONS.host,
  port: LISTEN_OPTIONS.port,
  path: LISTEN_OPTIONS.path,
  family: LISTEN_OPTIONS.family,
  hints: LISTEN_OPTIONS.hints,
  lookup: LISTEN_OPTIONS.lookup,
  driver: LISTEN_OPTIONS.driver,
  onHandlerError: aFunction,
  onListenError: aFunction,
  onThreadDied: aFunction,
} as const satisfies OptionTable;

/** Options of a server on one thread that are handlers, or hold functions. */
const OF_THE_MODULE = [...HANDLER_NAMES, 'framing', 'heartbeat', 'context'] as const;

const IN_THE_MODULE = 'expected it in the object that the module exports: functions stay in their thread';

const THREADED_TABLE: OptionTable = {
  ...without(LISTEN_OPTIONS, [...OF_THE_MODULE, 'engine', 'reusePort']),
  ...MAIN_OPTIONS,
};

const THREADED_RULES: OptionRules = {
  ...LISTEN_RULES,
  table: THREADED_TABLE,
  meant: new Map([...LISTEN_RULES.meant, ...namesOf(THREADED_TABLE)]),
  elsewhere: {
    ...Object.fromEntries(OF_THE_MODULE.map((name) => [name, IN_THE_MODULE])),
    engine: 'expected it without threads only: each thread has an engine of its own, with engineOptions',
    reusePort: "expected distribution: 'reuse_port' instead",
  },
};

const IN_LISTEN = 'expected it in the options of listen';

const MODULE_TABLE = without(LISTEN_OPTIONS, [
  ...['host', 'port', 'path', 'family', 'hints', 'lookup', 'engine', 'driver', 'ipv6Only', 'reusePort', 'backlog'],
  ...['onListenError', 'signal', 'threads'],
]);

/** The options that the object of a module may have. */
const MODULE_RULES: OptionRules = {
  ...LISTEN_RULES,
  what: 'module',
  table: MODULE_TABLE,
  elsewhere: Object.fromEntries(
    [...Object.keys(LISTEN_OPTIONS), ...Object.keys(MAIN_OPTIONS)]
      .filter((name) => !Object.hasOwn(MODULE_TABLE, name))
      .map((name) => [name, IN_LISTEN]),
  ),
};

function without(table: OptionTable, names: readonly string[]): OptionTable {
  return Object.fromEntries(Object.entries(table).filter(([name]) => !names.includes(name)));
}

/**
 * Checks what a thread's module has exported.
 * @returns its options and handlers as own properties, those of a class too
 * @throws TypeError `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`; RangeError `ERR_OUT_OF_RANGE`
 */
export function checkModuleOptions(exported: ThreadOptions): ThreadOptions {
  checkConnectionOptions(exported, MODULE_RULES);
  const given = exported as Readonly<Record<string, unknown>>;
  return Object.fromEntries(
    Object.keys(MODULE_TABLE).flatMap((name) => (given[name] === undefined ? [] : [[name, given[name]]])),
  );
}

/**
 * The checked options that each thread gets.
 * @throws TypeError `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`; RangeError `ERR_OUT_OF_RANGE`
 */
export function checkThreadedOptions(options: ThreadedListenOptions): ListenOptions {
  checkOptions(options, THREADED_RULES);
  const { threads, limits } = options;
  if ((options.module ?? undefined) === undefined) {
    throw misuse(
      'module: expected it with threads: the module that each thread loads, whose default export has the handlers',
    );
  }
  if (options.distribution === 'reuse_port' && (options.path ?? undefined) !== undefined) {
    throw misuse("distribution: expected 'dispatch' with a path, got 'reuse_port': Linux shares no path");
  }
  if (typeof (options.driver ?? 'auto') !== 'string') {
    throw misuse('driver: expected the name of a driver, as threads cannot share an object that opens one');
  }
  const plain = postable(
    options.tls ? { ...options, tls: { ...options.tls, ...threadContextOf(options.tls) } } : options,
  );
  const connectionsMax = limits?.connectionsMax ?? undefined;
  return connectionsMax === undefined
    ? plain
    : { ...plain, limits: { ...plain.limits, connectionsMax: Math.ceil(connectionsMax / threads) } };
}

/** The bytes of `ticketKeys`. */
const TICKET_KEYS_BYTES = 48;

/** Options of a context for all threads: each resumes the sessions of the others. */
export function threadContextOf(options: ContextOptions): ContextOptions {
  return { ticketKeys: lateCrypto().randomBytes(TICKET_KEYS_BYTES), ...contextOptionsOf(options) };
}

/** Options for the threads: they must be values that can be posted. */
function postable(options: ThreadedListenOptions): ListenOptions {
  const given = options as unknown as Readonly<Record<string, unknown>>;
  const plain = Object.keys(THREADED_TABLE)
    .filter((name) => !Object.hasOwn(MAIN_OPTIONS, name) && (given[name] ?? undefined) !== undefined)
    .map((name) => [name, given[name]] as const);
  const { engineOptions, threadData } = options;
  for (const [name, value] of [...plain, ...Object.entries({ engineOptions, threadData })]) {
    try {
      structuredClone(value);
    } catch {
      throw misuse(
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
  return /^(?:file|data|node):/.test(module) ? module : pathToFileURL(resolve(module)).href;
}
