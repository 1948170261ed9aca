/** A connection as a socket of Node: `connection.toDuplex()`. The layer above has such sockets, and brings them. */

import type { Socket } from 'node:net';
import { assert } from '../../base/assert.js';
import type { ConnectionRecord } from '../connection-core/record.js';

/** Makes a socket of a connection. @throws OperationError `ERR_ALREADY_READ` */
export type SocketMaker = (connection: ConnectionRecord) => Socket;

let makeSocket: SocketMaker | undefined;

/** Every entry of the package that opens connections calls this when it is loaded. */
export function provideSockets(make: SocketMaker): void {
  makeSocket = make;
}

export function socketOf(connection: ConnectionRecord): Socket {
  assert(makeSocket !== undefined);
  return makeSocket(connection);
}
