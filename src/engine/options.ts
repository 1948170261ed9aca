/** Options of connections, servers and engines: checked at once, with limits on everything unless told otherwise. */

import { OperationError, textOf } from '../base/errors.js';
import { checkSocketOption } from '../port/socket-options.js';
import type { ConnectionLimits, ConnectionTimeouts } from './limits.js';
import { NEVER, ticksOf } from './scheduling/timer-wheel.js';

/** Options that all connections of a server share, and those of one connection of `connect`. */
export interface ConnectionOptions {
  /**
   * Whether small messages leave at once (TCP_NODELAY).
   * @default true
   */
  readonly noDelay?: boolean;
  /**
   * Whether the system probes silent peers (SO_KEEPALIVE) and ends the connection when none answers.
   * @default true
   */
  readonly keepAlive?: boolean;
  /**
   * The system's send buffer of each socket (SO_SNDBUF), in bytes, 1 to 2^31 - 1.
   * @default the system's choice
   */
  readonly sendBufferBytes?: number;
  /**
   * The system's receive buffer of each socket (SO_RCVBUF), in bytes, 1 to 2^31 - 1.
   * @default the system's choice
   */
  readonly receiveBufferBytes?: number;
  /**
   * Whether our side stays open when the peer ends its own, as in `node:net`.
   * @default false
   */
  readonly allowHalfOpen?: boolean;
  /** What a connection may use. */
  readonly limits?: ConnectionLimits;
  /** Times after which a connection is closed. */
  readonly timeouts?: ConnectionTimeouts;
}

/** The limits and timeouts of a connection, checked, with times in ticks of the timer wheel. */
export interface CheckedLimits {
  readonly allowHalfOpen: boolean;
  readonly lingerMs: number;
  readonly highWaterMarkBytes: number;
  /** The same while the engine is under pressure. */
  readonly pressureHighWaterMarkBytes: number;
  readonly queuedBytesMax: number;
  /** Besides one message of the framing, if it is the default. */
  readonly heldBytesMax: number;
  readonly heldBytesMaxGiven: boolean;
  readonly roundBytesMax: number;
  readonly idleTicks: number;
  readonly firstByteTicks: number;
  readonly writeStallTicks: number;
  readonly halfClosedTicks: number;
  readonly shutdownTicks: number;
  /** Whether any limit can be due for a connection that just is there. */
  readonly timed: boolean;
}

const KIB = 1024;
const MIB = 1024 * 1024;

/** Enough for bytes for which the peer's system has room; a peer that does not read holds memory no longer. */
const LINGER_MS = 1000;

export const QUEUED_BYTES_MAX = 16 * MIB;
export const ENGINE_QUEUED_BYTES_MAX = 256 * MIB;
export const HELD_BYTES_MAX = 16 * MIB;
export const ENGINE_HELD_BYTES_MAX = 256 * MIB;

function wrongType(name: string, expected: string, value: unknown): OperationError {
  const reason = `${name}: expected ${expected}, got ${textOf(value)}`;
  return new OperationError({ code: 'ERR_INVALID_ARG_TYPE', reason, syscall: 'options' });
}

/** @throws OperationError `ERR_INVALID_ARG_TYPE` for options that are none */
export function checkIsObject(options: unknown): void {
  if (typeof options !== 'object' || options === null) {
    throw wrongType('options', 'an object', options);
  }
}

/** A function of the program's, or the one by default. @throws OperationError `ERR_INVALID_ARG_TYPE` */
export function functionOr<Given extends (...args: never[]) => unknown>(
  name: string,
  given: Given | null | undefined,
  byDefault: Given,
): Given {
  const chosen = given ?? byDefault;
  if (typeof chosen !== 'function') {
    throw wrongType(name, 'a function', chosen);
  }
  return chosen;
}

/** A number in its range, or the value it has unless told. */
export function checkNumber(
  name: string,
  value: number | undefined,
  range: { readonly unlessTold: number; readonly least: number; readonly most: number },
): number {
  const checked = value ?? range.unlessTold;
  if (typeof checked !== 'number' || !(checked >= range.least && checked <= range.most)) {
    throw new OperationError({
      code: 'ERR_OUT_OF_RANGE',
      reason: `${name}: expected a number from ${range.least} to ${range.most}, got ${textOf(value)}`,
      syscall: 'options',
    });
  }
  return checked;
}

/** A time in ms; 0 and Infinity are no limit. */
export function checkTime(name: string, value: number | undefined, unlessTold: number): number {
  return checkNumber(name, value, { unlessTold, least: 0, most: Infinity });
}

/** @throws OperationError `ERR_OUT_OF_RANGE` */
export function checkConnectionOptions(options: ConnectionOptions, firstByteMs: number): CheckedLimits {
  const limits = options.limits ?? {};
  const timeouts = options.timeouts ?? {};
  const bytes = (name: keyof ConnectionLimits, unlessTold: number): number =>
    checkNumber(`limits.${name}`, limits[name], { unlessTold, least: 1, most: Infinity });
  const ticks = (name: keyof ConnectionTimeouts, unlessTold: number): number =>
    ticksOf(checkTime(`timeouts.${name}`, timeouts[name], unlessTold));
  const queuedBytesMax = bytes('queuedBytesMax', QUEUED_BYTES_MAX);
  // A mark above the cap would never be reached, nor the cap be looked at.
  const highWaterMark = (unlessTold: number): number =>
    Math.min(bytes('highWaterMarkBytes', unlessTold), queuedBytesMax);
  for (const name of ['sendBufferBytes', 'receiveBufferBytes'] as const) {
    const value = options[name] ?? undefined;
    if (value !== undefined) {
      checkSocketOption(name, value, 'options');
    }
  }
  const idleTicks = ticks('idleMs', 0);
  const firstByteTicks = ticks('firstByteMs', firstByteMs);
  return {
    allowHalfOpen: options.allowHalfOpen ?? false,
    lingerMs: checkTime('timeouts.lingerMs', timeouts.lingerMs, LINGER_MS),
    highWaterMarkBytes: highWaterMark(256 * KIB),
    pressureHighWaterMarkBytes: highWaterMark(64 * KIB),
    queuedBytesMax,
    heldBytesMax: bytes('heldBytesMax', HELD_BYTES_MAX),
    heldBytesMaxGiven: (limits.heldBytesMax ?? undefined) !== undefined,
    roundBytesMax: bytes('roundBytesMax', 256 * KIB),
    idleTicks,
    firstByteTicks,
    writeStallTicks: ticks('writeStallMs', 60_000),
    halfClosedTicks: ticks('halfClosedMs', 60_000),
    shutdownTicks: ticks('shutdownMs', 10_000),
    timed: idleTicks !== NEVER || firstByteTicks !== NEVER,
  };
}
