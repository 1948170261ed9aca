/** Checks the options of sockets before the system sees them. */

import { invalidValue } from '../base/argument-errors.js';
import { checkNumber, INT_MAX, type NumberRange } from '../base/validate.js';
import { SOCKET_OPTIONS, type SocketOption } from '../drivers/driver.js';

const SWITCH: NumberRange = { least: 0, most: 1, whole: true };

/** The range of the size of a socket's buffer, in bytes. */
export const BUFFER_BYTES: NumberRange = { least: 1, most: INT_MAX, whole: true };

/**
 * The range of the delay before the first probe, in ms; below 1000 for the system's. Systems count in seconds, and Linux
 * takes up to 32,767 of them (MAX_TCP_KEEPIDLE in include/net/tcp.h).
 */
export const KEEP_ALIVE_DELAY_MS: NumberRange = { least: 0, most: 32_767_000 };

/** The range of `userTimeoutMs`, in ms. */
export const USER_TIMEOUT_MS: NumberRange = { least: 0, most: INT_MAX, whole: true };

/** The most that Linux takes (MAX_TCP_KEEPCNT in include/net/tcp.h). */
export const KEEP_ALIVE_PROBES_MAX = 127;

const OPTION_RANGES: Readonly<Record<SocketOption, NumberRange>> = {
  noDelay: SWITCH,
  keepAlive: SWITCH,
  keepAliveInitialDelayMs: { ...KEEP_ALIVE_DELAY_MS, least: 1000 },
  keepAliveIntervalMs: { ...KEEP_ALIVE_DELAY_MS, least: 1000 },
  keepAliveProbes: { least: 1, most: KEEP_ALIVE_PROBES_MAX, whole: true },
  typeOfService: { least: 0, most: 255, whole: true },
  sendBufferBytes: BUFFER_BYTES,
  receiveBufferBytes: BUFFER_BYTES,
  receiveLowWaterBytes: BUFFER_BYTES,
  userTimeoutMs: USER_TIMEOUT_MS,
  resetOnClose: SWITCH,
};

/** @throws TypeError `ERR_INVALID_ARG_VALUE` for an unknown option, `ERR_INVALID_ARG_TYPE`; RangeError `ERR_OUT_OF_RANGE` */
export function checkSocketOption(option: SocketOption, value: number): void {
  requireOption(option);
  checkNumber(option, value, OPTION_RANGES[option]);
}

/** @throws TypeError `ERR_INVALID_ARG_VALUE` */
export function requireOption(option: SocketOption): void {
  if (!SOCKET_OPTIONS.includes(option)) {
    const names = SOCKET_OPTIONS.filter((name) => name !== 'resetOnClose');
    throw invalidValue('option', names.join(', '), option);
  }
}
