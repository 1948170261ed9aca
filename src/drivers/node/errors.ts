/** The error numbers that Node has on this system, without their sign. */

import { getSystemErrorMap } from 'node:util';
import { ErrorTable } from '../../base/errors.js';

/** Not an error of a socket: the end of a stream. */
const NO_ERROR = 'EOF';

export const nodeErrors = new ErrorTable(
  [...getSystemErrorMap()]
    .filter(([, [code]]) => code !== NO_ERROR)
    .map(
      ([errno, [code, message]]) => [-errno, code, `${message.charAt(0).toUpperCase()}${message.slice(1)}`] as const,
    ),
);

export const EACCES = nodeErrors.numberOf('EACCES');
export const EADDRNOTAVAIL = nodeErrors.numberOf('EADDRNOTAVAIL');
export const EAFNOSUPPORT = nodeErrors.numberOf('EAFNOSUPPORT');
export const EBADF = nodeErrors.numberOf('EBADF');
export const ECANCELED = nodeErrors.numberOf('ECANCELED');
export const ECONNABORTED = nodeErrors.numberOf('ECONNABORTED');
export const ECONNRESET = nodeErrors.numberOf('ECONNRESET');
export const EINVAL = nodeErrors.numberOf('EINVAL');
export const ENOBUFS = nodeErrors.numberOf('ENOBUFS');
export const ENOENT = nodeErrors.numberOf('ENOENT');
export const ENOPROTOOPT = nodeErrors.numberOf('ENOPROTOOPT');
export const ENOTCONN = nodeErrors.numberOf('ENOTCONN');
export const ENOTSUP = nodeErrors.numberOf('ENOTSUP');
export const EPIPE = nodeErrors.numberOf('EPIPE');

/** The number of an error of Node, positive. An error without one means that the connection no longer exists. */
export function numberOfError(error: NodeJS.ErrnoException, otherwise: number): number {
  return typeof error.errno === 'number' && error.errno < 0 ? -error.errno : otherwise;
}
