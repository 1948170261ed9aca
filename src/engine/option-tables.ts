/** The options of `listen` and `connect`: which there are, how each is checked, and which go together. */

import { invalidType, misuse } from '../base/argument-errors.js';
import {
  ANY_COUNT,
  ANY_TIME,
  aBoolean,
  aFunction,
  aGroup,
  aNumber,
  anything,
  type Check,
  checkOptions,
  missingFrom,
  namesOf,
  OF_CONNECT,
  OF_LISTEN,
  type OptionRules,
  type OptionTable,
} from '../base/validate.js';
import { aFraming } from '../framing/framing.js';
import { aDriver } from '../port/options.js';
import { BUFFER_BYTES, KEEP_ALIVE_DELAY_MS, USER_TIMEOUT_MS } from '../port/socket-options.js';
import { tlsOfConnect, tlsOfListen } from '../tls/options.js';
import { HANDLER_NAMES } from './connection-core/handler-table.js';
import { ENDPOINT_OPTIONS } from './endpoint.js';
import type { ConnectionLimits, ConnectionTimeouts, ConnectTimeouts, ListenLimits } from './limits.js';
import { HEARTBEAT_OPTIONS } from './messages/heartbeat.js';
import { anEngine } from './shared-engines.js';
import { aSignal } from './signals.js';

const aCount = aNumber(ANY_COUNT);
const aTime = aNumber(ANY_TIME);

const CONNECTION_LIMITS = {
  highWaterMarkBytes: aCount,
  queuedBytesMax: aCount,
  heldBytesMax: aCount,
  roundBytesMax: aCount,
  messagesPerRoundMax: aCount,
  receiveLowWaterBytesMax: aNumber(BUFFER_BYTES),
} as const satisfies Record<keyof ConnectionLimits, Check>;

const LISTEN_LIMITS = {
  ...CONNECTION_LIMITS,
  connectionsMax: aCount,
  connectionsPerAddressMax: aCount,
  acceptsPerRoundMax: aCount,
  topicsPerConnectionMax: aCount,
  topicsMax: aCount,
  topicBytesMax: aNumber({ least: 1, most: 65_536, whole: true }),
} as const satisfies Record<keyof ListenLimits, Check>;

const CONNECTION_TIMEOUTS = {
  idleMs: aTime,
  firstByteMs: aTime,
  messageMs: aTime,
  writeStallMs: aTime,
  halfClosedMs: aTime,
  shutdownMs: aTime,
  lingerMs: aTime,
} as const satisfies Record<keyof ConnectionTimeouts, Check>;

const CONNECT_TIMEOUTS = {
  ...CONNECTION_TIMEOUTS,
  connectMs: aTime,
} as const satisfies Record<keyof ConnectTimeouts, Check>;

const checkHeartbeat = aGroup({ table: HEARTBEAT_OPTIONS, meant: namesOf(HEARTBEAT_OPTIONS) });

function aHeartbeat(name: string, value: unknown): void {
  checkHeartbeat(name, value);
  const { ping } = value as { readonly ping?: unknown };
  if (ping === undefined || ping === null) {
    throw invalidType(`${name}.ping`, 'a message, or a function that returns one', ping);
  }
}

/** Options that `listen` and `connect` share, but for their groups. */
const CONNECTION_OPTIONS = {
  ...ENDPOINT_OPTIONS,
  engine: anEngine,
  driver: aDriver,
  ...Object.fromEntries(HANDLER_NAMES.map((name) => [name, aFunction])),
  noDelay: aBoolean,
  keepAlive: aBoolean,
  keepAliveInitialDelayMs: aNumber(KEEP_ALIVE_DELAY_MS),
  userTimeoutMs: aNumber(USER_TIMEOUT_MS),
  sendBufferBytes: aNumber(BUFFER_BYTES),
  receiveBufferBytes: aNumber(BUFFER_BYTES),
  allowHalfOpen: aBoolean,
  framing: aFraming,
  heartbeat: aHeartbeat,
} as const satisfies OptionTable;

function named(group: string, table: OptionTable): Record<string, string> {
  return Object.fromEntries(Object.keys(table).map((name) => [name, `${group}.${name}`]));
}

/** Names that programs may try: those without their group, earlier names, and those of `node:net`. */
const OTHER_NAMES = {
  ...named('limits', LISTEN_LIMITS),
  ...named('timeouts', CONNECT_TIMEOUTS),
  ...Object.fromEntries(
    Object.keys(CONNECT_TIMEOUTS).map((name) => [name.replace(/Ms$/, 'TimeoutMs'), `timeouts.${name}`]),
  ),
  timeout: 'timeouts.idleMs',
  maxConnections: 'limits.connectionsMax',
  highWaterMark: 'limits.highWaterMarkBytes',
  keepAliveInitialDelay: 'keepAliveInitialDelayMs',
  userTimeout: 'userTimeoutMs',
  shutdown: 'serverClosing',
  connection: 'open',
  hostname: 'host',
  address: 'host',
  onHandlerError: 'onHandlerError of new Engine',
  engineQueuedBytesMax: 'engineQueuedBytesMax of new Engine',
  engineHeldBytesMax: 'engineHeldBytesMax of new Engine',
};

/** Options that `listen` takes with `threads` only. */
export const THREADS_ONLY = [
  'module',
  'distribution',
  'engineOptions',
  'resourceLimits',
  'threadData',
  'env',
  'execArgv',
  'onHandlerError',
  'onThreadDied',
] as const;

const NEEDS_THREADS = Object.fromEntries(
  THREADS_ONLY.map((name) => [
    name,
    name === 'onHandlerError'
      ? 'expected threads with it; without threads it is an option of new Engine'
      : 'expected threads with it, the number of threads to serve on',
  ]),
);

function rulesOf(table: OptionTable, elsewhere: Readonly<Record<string, string>>): OptionRules {
  return { what: 'options', table, meant: namesOf(OTHER_NAMES, table), elsewhere };
}

const MEANT = namesOf(OTHER_NAMES);

/** The options of a server, on one thread. */
export const LISTEN_OPTIONS = {
  ...CONNECTION_OPTIONS,
  limits: aGroup({ table: LISTEN_LIMITS, meant: MEANT }),
  timeouts: aGroup({
    table: CONNECTION_TIMEOUTS,
    meant: MEANT,
    elsewhere: missingFrom(CONNECTION_TIMEOUTS, CONNECT_TIMEOUTS, OF_CONNECT),
  }),
  context: anything,
  ipv6Only: aBoolean,
  reusePort: aBoolean,
  backlog: aCount,
  onListenError: aFunction,
  signal: aSignal,
  threads: anything,
  tls: tlsOfListen,
} as const satisfies OptionTable;

const CONNECT_OPTIONS = {
  ...CONNECTION_OPTIONS,
  limits: aGroup({
    table: CONNECTION_LIMITS,
    meant: MEANT,
    elsewhere: missingFrom(CONNECTION_LIMITS, LISTEN_LIMITS, OF_LISTEN),
  }),
  timeouts: aGroup({ table: CONNECT_TIMEOUTS, meant: MEANT }),
  context: anything,
  attemptDelayMs: aNumber({ least: 10, most: 2000 }),
  signal: aSignal,
  tls: tlsOfConnect,
} as const satisfies OptionTable;

export const LISTEN_RULES = rulesOf(LISTEN_OPTIONS, {
  ...missingFrom(LISTEN_OPTIONS, CONNECT_OPTIONS, OF_CONNECT),
  ...NEEDS_THREADS,
});

export const CONNECT_RULES = rulesOf(CONNECT_OPTIONS, missingFrom(CONNECT_OPTIONS, LISTEN_OPTIONS, OF_LISTEN));

/**
 * Checks the options of `listen` or `connect`: names, types, ranges, and what goes together.
 * @throws TypeError `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`; RangeError `ERR_OUT_OF_RANGE`, `ERR_SOCKET_BAD_PORT`
 */
export function checkConnectionOptions(options: unknown, rules: OptionRules): void {
  checkOptions(options, rules);
  const { data, driver, engine, framing, heartbeat, message } = options as Readonly<Record<string, unknown>>;
  if ((engine ?? undefined) !== undefined && (driver ?? undefined) !== undefined) {
    throw misuse('driver: expected none with an engine, which has its own; give new Engine the driver');
  }
  const framed = framing !== undefined && framing !== null;
  if (typeof message === 'function' && typeof data !== 'function' && !framed) {
    throw misuse('message: expected a framing with it, which says where messages end; without a framing there is data');
  }
  if (heartbeat !== undefined && heartbeat !== null && !framed) {
    throw misuse('heartbeat: expected a framing with it, as its pings and pongs are messages');
  }
}
