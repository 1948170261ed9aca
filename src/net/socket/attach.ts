/** A connection of the engine becomes that of a socket, and its handlers call the socket. */

import type { Buffer } from 'node:buffer';
import type { Connection } from '../../engine/connection.js';
import type { HandlerTable } from '../../engine/connection-core/handler-table.js';
import { pause } from '../../engine/connection-core/receive.js';
import { CLOSING } from '../../engine/connection-core/state.js';
import { callBack } from '../call.js';
import { connectionClosed } from './closing.js';
import { peerEnded, received } from './reading.js';
import { type SocketState, updateReference } from './state.js';
import { SocketWriter } from './writer.js';

type SocketConnection = Connection<SocketState>;

/** Calls the program with a socket whose connection is open now. */
export type Opened = (state: SocketState) => void;

/** The socket has the connection from now on. */
export function attach(state: SocketState, connection: Connection): void {
  state.attached = true;
  state.connection = connection;
  state.lastConnection = connection;
  state.writer = new SocketWriter(connection, state);
  state.peerEnded = false;
}

/** The connection is there: `opened` tells the program, which may begin to read. */
function open(connection: SocketConnection, opened: Opened): void {
  const state = connection.context;
  attach(state, connection as Connection);
  state.opening = true;
  callBack(opened, state, undefined);
  state.opening = false;
  if (!state.reading && (connection.flags & CLOSING) === 0) {
    // Before its first receive is posted.
    pause(connection);
  }
  updateReference(state);
}

/** The handshake of a connection that the socket has had since it was connected is done. */
export function openLater(connection: SocketConnection, opened: Opened): void {
  const state = connection.context;
  callBack(opened, state, undefined);
  state.opening = false;
  if (!state.reading && (connection.flags & CLOSING) === 0) {
    pause(connection);
  }
  updateReference(state);
}

/** The handlers of the connections that `opened` is called for. Their context is the state of the socket. */
export function socketHandlers(opened: Opened): HandlerTable<SocketConnection> {
  return {
    open: (connection) => open(connection, opened),
    data: (connection, chunk: Buffer) => callBack(received, connection.context, chunk),
    end: (connection) => callBack(peerEnded, connection.context, undefined),
    close: (connection) => callBack(connectionClosed, connection.context, connection as Connection),
  };
}
