/** Options of sockets, checked before a system sees them. */

import { OperationError, textOf } from '../base/errors.js';
import { checkWhole, INT_MAX, type WholeRange } from '../base/validate.js';
import { SOCKET_OPTIONS, type SocketOption } from '../drivers/driver.js';

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
