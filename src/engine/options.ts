/** Options of connections, servers and engines: checked at once, with limits on everything unless told otherwise. */

import { OperationError, textOf } from '../base/errors.js';
import { checkSocketOption } from '../port/socket-options.js';
import { NEVER, ticksOf } from './scheduling/timer-wheel.js';

/** What all connections of a server, or one of `connect`, share. 0 or Infinity as a time is no limit. */
export interface ConnectionOptions {
  /** Small messages leave at once (TCP_NODELAY). On unless told. */
  readonly noDelay?: boolean;
  /** The system asks silent peers for a sign of life, and ends the connection when none comes. On unless told. */
  readonly keepAlive?: boolean;
  /** The system's own buffers of each socket, in bytes; the system's choice unless told. */
  readonly sendBufferBytes?: number;
  readonly receiveBufferBytes?: number;
  /**
   * How long `destroy` goes on sending what was written before, in ms; 1,000 by default. What is left then is dropped, and
   * the peer sees a reset. 0 drops it and resets the connection at once; with Infinity only the other limits end it.
   */
  readonly lingerMs?: number;
  /** Whether our side stays open when the peer ends its own; off unless told, as in Node. */
  readonly allowHalfOpen?: boolean;
  /**
   * `write` returns false above it. Unless told it is 256 KiB, and 64 KiB while more than an eighth of the engine's
   * `queuedBytesMax` waits to be sent on all connections.
   */
  readonly highWaterMarkBytes?: number;
  /** With more than this waiting to be sent the connection is closed, `write_queue_full`; 16 MiB unless told. */
  readonly queuedBytesMax?: number;
  /**
   * When received data that the connection holds takes more memory than this, it is closed, `held_full`: chunks while it is
   * paused, unfinished messages, subscriptions. In bytes, 1 to Infinity; by default 16 MiB and, with a framing, its
   * `frameBytesMax` besides.
   */
  readonly heldBytesMax?: number;
  /** Bytes that one connection may hand to handlers before the others have their turn; 256 KiB unless told. */
  readonly roundBytesMax?: number;
  /** With neither a byte received nor one sent for so long the connection is closed; no limit unless told. */
  readonly idleTimeoutMs?: number;
  /** The first byte must come within this; 60 s for a server's connections unless told, no limit for others. */
  readonly firstByteTimeoutMs?: number;
  /** With something to send of which the peer takes nothing for so long the connection is closed; 60 s unless told. */
  readonly writeStallTimeoutMs?: number;
  /** The longest time between the peer's end and ours; 60 s unless told. */
  readonly halfClosedTimeoutMs?: number;
  /** The longest time in which nothing comes, not even the peer's end, when our side has ended; 10 s unless told. */
  readonly shutdownTimeoutMs?: number;
}

/** The same, checked, with times in ticks of the timer wheel. */
export interface ConnectionLimits {
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
export function checkConnectionOptions(options: ConnectionOptions, firstByteTimeoutMs: number): ConnectionLimits {
  const bytes = (name: keyof ConnectionOptions, unlessTold: number, most = Infinity): number =>
    checkNumber(name, options[name] as number | undefined, { unlessTold, least: 1, most });
  const ticks = (name: keyof ConnectionOptions, unlessTold: number): number =>
    ticksOf(checkTime(name, options[name] as number | undefined, unlessTold));
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
  const idleTicks = ticks('idleTimeoutMs', 0);
  const firstByteTicks = ticks('firstByteTimeoutMs', firstByteTimeoutMs);
  return {
    allowHalfOpen: options.allowHalfOpen ?? false,
    lingerMs: checkTime('lingerMs', options.lingerMs, LINGER_MS),
    highWaterMarkBytes: highWaterMark(256 * KIB),
    pressureHighWaterMarkBytes: highWaterMark(64 * KIB),
    queuedBytesMax,
    heldBytesMax: bytes('heldBytesMax', HELD_BYTES_MAX),
    heldBytesMaxGiven: options.heldBytesMax !== undefined,
    roundBytesMax: bytes('roundBytesMax', 256 * KIB),
    idleTicks,
    firstByteTicks,
    writeStallTicks: ticks('writeStallTimeoutMs', 60_000),
    halfClosedTicks: ticks('halfClosedTimeoutMs', 60_000),
    shutdownTicks: ticks('shutdownTimeoutMs', 10_000),
    timed: idleTicks !== NEVER || firstByteTicks !== NEVER,
  };
}
