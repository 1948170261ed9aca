/** Numbers that programs pass and that systems take as integers: out of range they would be cut to 32 bits. */

import { SOCKET_OPTIONS, type SocketOption } from '../drivers/driver.js';
import { OperationError, textOf } from '../drivers/error.js';

export interface WholeRange {
  readonly least: number;
  readonly most: number;
  readonly step?: number;
}

/** What systems take: an int. */
export const INT_MAX = 2 ** 31 - 1;

/** @throws OperationError `ERR_OUT_OF_RANGE` */
export function checkWhole(name: string, value: unknown, range: WholeRange, syscall: string): void {
  const { least, most, step = 1 } = range;
  if (
    !Number.isInteger(value) ||
    (value as number) < least ||
    (value as number) > most ||
    (value as number) % step !== 0
  ) {
    const steps = step === 1 ? '' : ` in steps of ${step}`;
    throw new OperationError({
      code: 'ERR_OUT_OF_RANGE',
      reason: `${name}: expected a whole number from ${least} to ${most}${steps}, got ${textOf(value)}`,
      syscall,
    });
  }
}

const SWITCH = { least: 0, most: 1 };

const OPTION_RANGES: Readonly<Record<SocketOption, WholeRange>> = {
  noDelay: SWITCH,
  keepAlive: SWITCH,
  sendBufferBytes: { least: 1, most: INT_MAX },
  receiveBufferBytes: { least: 1, most: INT_MAX },
  userTimeoutMs: { least: 0, most: INT_MAX },
  resetOnClose: SWITCH,
};

/** @throws OperationError `ERR_OUT_OF_RANGE`, `ERR_INVALID_ARG_VALUE` for an option that there is not */
export function checkSocketOption(option: SocketOption, value: number, syscall: string): void {
  requireOption(option, syscall);
  checkWhole(option, value, OPTION_RANGES[option], syscall);
}

/** @throws OperationError `ERR_INVALID_ARG_VALUE` */
export function requireOption(option: SocketOption, syscall: string): void {
  if (!SOCKET_OPTIONS.includes(option)) {
    const reason = `option: expected ${SOCKET_OPTIONS.filter((name) => name !== 'resetOnClose').join(', ')}, got ${textOf(option)}`;
    throw new OperationError({ code: 'ERR_INVALID_ARG_VALUE', reason, syscall });
  }
}
