/** Options of TCP sockets. They do nothing on a Unix socket. */

import { checkNumber } from '../base/validate.js';
import type { OverlappedSocket } from '../port/socket.js';
import { KEEP_ALIVE_DELAY_MS } from '../port/socket-options.js';
import type { ConnectionRecord } from './connection-core/record.js';
import { isClosing } from './connection-core/state.js';
import type { ConnectionOptions } from './options.js';

/** Sets the TCP options of a new socket. Accepted sockets inherit those of their listener. */
export function setTcpOptions(socket: OverlappedSocket, options: ConnectionOptions): void {
  socket.setOption('noDelay', options.noDelay === false ? 0 : 1);
  setSocketKeepAlive(socket, options.keepAlive !== false, options.keepAliveInitialDelayMs ?? 0);
  const userTimeoutMs = options.userTimeoutMs ?? undefined;
  if (userTimeoutMs !== undefined) {
    socket.setOption('userTimeoutMs', userTimeoutMs);
  }
}

/** As in `node:net`: a delay of less than a second leaves the socket's. */
function setSocketKeepAlive(socket: OverlappedSocket, keepAlive: boolean, initialDelayMs: number): void {
  socket.setOption('keepAlive', keepAlive ? 1 : 0);
  if (keepAlive && initialDelayMs >= 1000) {
    socket.setOption('keepAliveInitialDelayMs', initialDelayMs);
  }
}

/** A program may change these while a connection is open. */
export function setNoDelay(connection: ConnectionRecord, noDelay: boolean): void {
  if (isChangeable(connection)) {
    connection.socket.setOption('noDelay', noDelay ? 1 : 0);
  }
}

/** @throws RangeError `ERR_OUT_OF_RANGE`; TypeError `ERR_INVALID_ARG_TYPE` */
export function setKeepAlive(connection: ConnectionRecord, keepAlive: boolean, initialDelayMs: number): void {
  checkNumber('initialDelayMs', initialDelayMs, KEEP_ALIVE_DELAY_MS);
  if (isChangeable(connection)) {
    setSocketKeepAlive(connection.socket, keepAlive, initialDelayMs);
  }
}

function isChangeable(connection: ConnectionRecord): boolean {
  return connection.socket.family !== 'unix' && !isClosing(connection);
}
