/** Socket options that a program may change while a connection is open. */

import type { ConnectionRecord } from './connection-core/record.js';
import { isClosing } from './connection-core/state.js';

export function setTcpOption(connection: ConnectionRecord, option: 'noDelay' | 'keepAlive', on: boolean): void {
  const { socket } = connection;
  if (socket.family !== 'unix' && !isClosing(connection)) {
    socket.setOption(option, on ? 1 : 0);
  }
}
