/** Options of connections, and their defaults: there is a limit on everything. */

import { ANY_TIME, checkNumber } from '../base/validate.js';
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
   * How long a peer is silent before the system probes it (TCP_KEEPIDLE), in ms, 0 to 32,767,000, cut to whole seconds; ten
   * probes follow, a second apart. Below 1000, delay and probes are the system's. Without effect if `keepAlive` is false.
   * @default the system's: on Linux two hours, and nine probes, 75 seconds apart
   */
  readonly keepAliveInitialDelayMs?: number;
  /**
   * How long sent data may stay unacknowledged, and how long the system tries to connect, before the connection ends with
   * `ETIMEDOUT` (TCP_USER_TIMEOUT; TCP_MAXRTMS on Windows, from Windows 10 version 1803 on), in ms, 0 to 2^31 - 1; 0 for the
   * system's choice.
   * @default the system's choice
   */
  readonly userTimeoutMs?: number;
  /**
   * The system's send buffer of each socket (SO_SNDBUF), in bytes, 1 to 2^31 - 1. Without it, Linux adapts the size to
   * the connection.
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
  /** The limits of one connection. */
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
  readonly receiveLowWaterBytesMax: number;
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

/** Checks a time in ms, 0 to Infinity. @param byDefault for a time that is missing; without it a time is required */
export function checkTime(name: string, value: unknown, byDefault?: number): number {
  const chosen = value ?? byDefault;
  checkNumber(name, chosen, ANY_TIME);
  return chosen;
}

/** The limits of connections whose options were checked. */
export function limitsOf(options: ConnectionOptions, firstByteMs: number): CheckedLimits {
  const limits = options.limits ?? {};
  const timeouts = options.timeouts ?? {};
  const queuedBytesMax = limits.queuedBytesMax ?? QUEUED_BYTES_MAX;
  // A high-water mark above the cap would never be reached.
  const highWaterMark = (byDefault: number): number => Math.min(limits.highWaterMarkBytes ?? byDefault, queuedBytesMax);
  const idleTicks = ticksOf(timeouts.idleMs ?? 0);
  const firstByteTicks = ticksOf(timeouts.firstByteMs ?? firstByteMs);
  return {
    allowHalfOpen: options.allowHalfOpen ?? false,
    lingerMs: timeouts.lingerMs ?? LINGER_MS,
    highWaterMarkBytes: highWaterMark(512 * KIB),
    pressureHighWaterMarkBytes: highWaterMark(64 * KIB),
    queuedBytesMax,
    heldBytesMax: limits.heldBytesMax ?? HELD_BYTES_MAX,
    heldBytesMaxGiven: (limits.heldBytesMax ?? undefined) !== undefined,
    roundBytesMax: limits.roundBytesMax ?? 256 * KIB,
    receiveLowWaterBytesMax: limits.receiveLowWaterBytesMax ?? 512 * KIB,
    idleTicks,
    firstByteTicks,
    writeStallTicks: ticksOf(timeouts.writeStallMs ?? 60_000),
    halfClosedTicks: ticksOf(timeouts.halfClosedMs ?? 60_000),
    shutdownTicks: ticksOf(timeouts.shutdownMs ?? 10_000),
    timed: idleTicks !== NEVER || firstByteTicks !== NEVER,
  };
}
