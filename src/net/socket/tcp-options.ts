/** Options of the system's socket that a program may set before it is connected. */

import { invalidArgType, outOfRange } from '../errors.js';
import { HAS_KEEP_ALIVE_PROBES } from '../node-net.js';
import type { NetSocket, RareOptions, SocketState } from './state.js';
import { STATE } from './state.js';

/** The longest delay that systems take, in seconds. */
const DELAY_SECONDS_MAX = 32_767;

/** The most probes that Linux takes. */
const PROBES_MAX = 127;

const TYPE_OF_SERVICE_MAX = 255;

/** The delay in ms, in the range of the engine: a program may give any number. */
export function keepAliveDelayMs(delaySeconds: number): number {
  return Math.min(Math.max(delaySeconds, 0), DELAY_SECONDS_MAX) * 1000;
}

export function setSocketNoDelay(socket: NetSocket, enable: boolean): void {
  const state = socket[STATE];
  if (state.connection === undefined) {
    state.noDelay = enable;
  } else if (state.noDelay !== enable) {
    state.noDelay = enable;
    state.connection.setNoDelay(enable);
  }
}

/** The arguments of `setKeepAlive`: since a later Node also as one object, and with two more. */
export interface KeepAlive {
  readonly enable?: unknown;
  readonly initialDelay?: unknown;
  readonly interval?: unknown;
  readonly count?: unknown;
}

function secondsOf(msecs: unknown): number {
  return ~~(Number(msecs) / 1000);
}

/** The probes that a program wants; undefined for the usual ones. */
function probesOf({ interval, count }: KeepAlive): Pick<RareOptions, 'keepAliveIntervalMs' | 'keepAliveProbes'> {
  const seconds = interval === undefined || !HAS_KEEP_ALIVE_PROBES ? 0 : secondsOf(interval);
  const probes = count === undefined || !HAS_KEEP_ALIVE_PROBES ? 0 : ~~Number(count);
  return {
    ...(seconds > 0 ? { keepAliveIntervalMs: keepAliveDelayMs(seconds) } : {}),
    ...(probes > 0 ? { keepAliveProbes: Math.min(probes, PROBES_MAX) } : {}),
  };
}

export function setSocketKeepAlive(socket: NetSocket, options: KeepAlive): void {
  const state = socket[STATE];
  const given = HAS_KEEP_ALIVE_PROBES && typeof options.enable === 'object' ? (options.enable ?? options) : options;
  const { enable: wanted, initialDelay } = given as KeepAlive;
  const enable = Boolean(wanted);
  const delaySeconds = secondsOf(initialDelay);
  const { keepAliveIntervalMs, keepAliveProbes } = probesOf(given as KeepAlive);
  const { rare } = state;
  const sameProbes = rare?.keepAliveIntervalMs === keepAliveIntervalMs && rare?.keepAliveProbes === keepAliveProbes;
  const changed =
    state.keepAlive !== enable || (enable && (state.keepAliveDelaySeconds !== delaySeconds || !sameProbes));
  state.keepAlive = enable;
  state.keepAliveDelaySeconds = delaySeconds;
  if (!sameProbes) {
    const { typeOfService } = rare ?? {};
    state.rare = {
      ...(typeOfService === undefined ? {} : { typeOfService }),
      ...(keepAliveIntervalMs === undefined ? {} : { keepAliveIntervalMs }),
      ...(keepAliveProbes === undefined ? {} : { keepAliveProbes }),
    };
  }
  if (changed && state.connection !== undefined) {
    state.connection.setKeepAlive(enable, keepAliveDelayMs(delaySeconds));
    applyProbes(state);
  }
}

/** Sets the probes, after the delay: setting the delay also sets the usual probes. */
function applyProbes({ connection, keepAlive, local, rare }: SocketState): void {
  if (rare === undefined || connection === undefined || !keepAlive || local) {
    return;
  }
  if (rare.keepAliveIntervalMs !== undefined) {
    connection.socket.setOption('keepAliveIntervalMs', rare.keepAliveIntervalMs);
  }
  if (rare.keepAliveProbes !== undefined) {
    connection.socket.setOption('keepAliveProbes', rare.keepAliveProbes);
  }
}

function checkTypeOfService(tos: unknown): asserts tos is number {
  if (typeof tos !== 'number' || Number.isNaN(tos)) {
    throw invalidArgType('tos', 'of type number', tos);
  }
  if (!Number.isInteger(tos)) {
    throw outOfRange('tos', 'an integer', tos);
  }
  if (tos < 0 || tos > TYPE_OF_SERVICE_MAX) {
    throw outOfRange('tos', `>= 0 && <= ${TYPE_OF_SERVICE_MAX}`, tos);
  }
}

export function setSocketTypeOfService(socket: NetSocket, tos: unknown): void {
  checkTypeOfService(tos);
  const state = socket[STATE];
  const changed = state.rare?.typeOfService !== tos;
  state.rare = { ...state.rare, typeOfService: tos };
  if (changed) {
    applyTypeOfService(state);
  }
}

function applyTypeOfService({ connection, local, rare }: SocketState): void {
  if (rare?.typeOfService !== undefined && connection !== undefined && !local) {
    connection.socket.setOption('typeOfService', rare.typeOfService);
  }
}

export function typeOfServiceOf({ connection, local, rare }: SocketState): number {
  return connection === undefined || local ? (rare?.typeOfService ?? 0) : connection.socket.getOption('typeOfService');
}

/** The socket is connected: sets the options that the program gave before. */
export function applyTcpOptions(state: SocketState): void {
  const { connection, noDelay, keepAlive, keepAliveDelaySeconds, rare } = state;
  if (noDelay) {
    connection?.setNoDelay(true);
  }
  if (keepAlive) {
    connection?.setKeepAlive(true, keepAliveDelayMs(keepAliveDelaySeconds));
  }
  if (rare !== undefined) {
    applyProbes(state);
    applyTypeOfService(state);
  }
}
