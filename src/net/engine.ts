/** The engine of this thread that all sockets of `overlapped/net` run on, and the limits of their connections. */

import type { DriverChoice } from '../drivers/driver.js';
import { Engine } from '../engine/engine.js';
import type { EngineCore } from '../engine/engine-core.js';
import { type CheckedLimits, limitsOf } from '../engine/options.js';
import { driverChoice } from './variables.js';

/** A socket that is destroyed sends the rest of a write for at most this time. */
const LINGER_MS = 1000;

/**
 * `node:net` has no time limit but `setTimeout`, and ends no side by itself. Bytes that a paused socket holds have no cap:
 * they are only those that arrive before its receive ends, and a program may pause thousands.
 */
export const NET_LIMITS: CheckedLimits = limitsOf(
  {
    allowHalfOpen: true,
    limits: { heldBytesMax: Infinity },
    timeouts: { idleMs: 0, firstByteMs: 0, writeStallMs: 0, halfClosedMs: 0, shutdownMs: 0, lingerMs: LINGER_MS },
  },
  0,
);

let engine: Engine | undefined;

/**
 * Returns the engine, and opens it if there is none. It stays open while the thread runs, and keeps no process alive: a
 * client that connects again and again would otherwise open a port each time.
 * @throws OperationError `ERR_DRIVER_UNAVAILABLE`
 */
export function netEngine(): Engine {
  if (engine === undefined || engine.isClosed) {
    engine = new Engine({ driver: driverChoice() as DriverChoice, engineHeldBytesMax: Infinity });
    engine.core.endsWithThread = true;
  }
  return engine;
}

export function netEngineCore(): EngineCore {
  return netEngine().core;
}
