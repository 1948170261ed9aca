/**
 * Windows' error numbers, a line each: the Winsock or system number (winerror.h), Node's code, a message, and the
 * NTSTATUS values (ntstatus.h) that the system writes to an OVERLAPPED for this error. RtlNtStatusToDosError is not
 * used, because it turns a reset into ERROR_NETNAME_DELETED, an error of files.
 */

import { ErrorTable } from '../../base/errors.js';

const LINES: readonly (readonly [number, string, string, ...number[]])[] = [
  [5, 'EACCES', 'Access denied', 0xc0000022],
  [6, 'EBADF', 'The handle is not open', 0xc0000008],
  [8, 'ENOMEM', 'Out of memory', 0xc0000017],
  [64, 'ECONNRESET', 'The connection was reset by the peer', 0xc00000c9],
  [87, 'EINVAL', 'Invalid argument', 0xc000000d],
  [109, 'EPIPE', 'The sending side of the connection is closed', 0xc000014b, 0xc00000b1],
  [121, 'ETIMEDOUT', 'Timed out'],
  [258, 'ETIMEDOUT', 'Timed out'],
  [995, 'ECANCELED', 'Cancelled', 0xc0000120, 0xc00000fb],
  [1236, 'ECONNABORTED', 'The connection was aborted', 0xc0000241, 0xc000013b, 0xc000013d],
  [1450, 'ENOBUFS', 'No buffer space', 0xc000009a, 0xc00000a1, 0xc0000044],
  [10004, 'EINTR', 'Interrupted'],
  [10009, 'EBADF', 'The handle is not open'],
  [10013, 'EACCES', 'Permission denied'],
  [10014, 'EFAULT', 'Bad address', 0xc0000005],
  [10022, 'EINVAL', 'Invalid argument'],
  [10024, 'EMFILE', 'Too many open descriptors in the process', 0xc000011f],
  [10035, 'EAGAIN', 'Would block', 0xc00000a3],
  [10036, 'EINPROGRESS', 'In progress'],
  [10037, 'EALREADY', 'Already in progress'],
  [10038, 'ENOTSOCK', 'Not a socket', 0xc0000024],
  [10039, 'EDESTADDRREQ', 'A destination address is needed'],
  [10040, 'EMSGSIZE', 'The message is too long', 0x80000005, 0xc0000023],
  [10041, 'EPROTOTYPE', 'Wrong protocol for this kind of socket'],
  [10042, 'ENOPROTOOPT', 'Not an option of this socket'],
  [10043, 'EPROTONOSUPPORT', 'Protocol not supported'],
  [10045, 'ENOTSUP', 'Not supported on this socket', 0xc00000bb],
  [10047, 'EAFNOSUPPORT', 'Address family not supported'],
  [10048, 'EADDRINUSE', 'Address already in use', 0xc000020a],
  [10049, 'EADDRNOTAVAIL', 'Not an address of this machine', 0xc0000141, 0xc0000207],
  [10050, 'ENETDOWN', 'The network is down', 0xc00002e7],
  [10051, 'ENETUNREACH', 'The network is unreachable', 0xc000023c],
  [10053, 'ECONNABORTED', 'The connection was aborted'],
  [10054, 'ECONNRESET', 'The connection was reset by the peer', 0xc000020d, 0xc000013c, 0xc000013e],
  [10055, 'ENOBUFS', 'No buffer space'],
  [10056, 'EISCONN', 'Already connected', 0xc000023b],
  [10057, 'ENOTCONN', 'Not connected', 0xc000020c, 0xc000023a],
  [10058, 'EPIPE', 'Cannot send after shutdown'],
  [10060, 'ETIMEDOUT', 'Timed out', 0xc00000b5],
  [10061, 'ECONNREFUSED', 'Connection refused', 0xc0000236, 0xc000023f],
  [10064, 'EHOSTDOWN', 'The host is down'],
  [10065, 'EHOSTUNREACH', 'The host is unreachable', 0xc000023d, 0xc000023e],
  [10091, 'ENETDOWN', 'Winsock is not available'],
  [10093, 'ENOTCONN', 'Winsock was not started'],
];

export const windowsErrors = new ErrorTable(LINES.map(([number, code, message]) => [number, code, message] as const));

const numberByStatus = new Map(
  LINES.flatMap(([number, , , ...statuses]) => statuses.map((status) => [status, number])),
);

/** The error number of an NTSTATUS; 0 for success. An unknown status is its own number. */
export function numberOfStatus(status: number): number {
  const unsigned = status >>> 0;
  // The two highest bits are the severity: errors (0xc…) and warnings (0x8…) are failures.
  return unsigned < 0x8000_0000 ? 0 : (numberByStatus.get(unsigned) ?? unsigned);
}
