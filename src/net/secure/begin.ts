/** A connection of `tls.connect` between the connect and the end of its handshake. */

import type { Connection } from '../../engine/connection.js';
import type { SecureConnection } from '../../engine/secure/secure-connection.js';
import type { AsyncContext } from '../../port/async-context.js';
import { callBack } from '../call.js';
import { attach, openLater } from '../socket/attach.js';
import type { SocketState } from '../socket/state.js';

function failed(state: SocketState, error: Error): void {
  state.secure?.failed(state, error);
}

function secured(state: SocketState): void {
  state.secure?.secured(state);
}

/** The socket has the connection from now on. What the program writes waits for the end of the handshake. */
export function beginSecure(connection: SecureConnection, state: SocketState, context: AsyncContext): void {
  connection.context = state;
  attach(state, connection);
  // Reading begins, or not, once the connection is open.
  state.opening = true;
  connection.secure.settled = (error) => {
    if (error !== undefined && state.connection === connection) {
      context.run(callBack<SocketState, Error>, undefined, failed, state, error);
    }
  };
}

/** The handler `open`. */
export function openSecured(connection: Connection<SocketState>): void {
  openLater(connection, secured);
}
