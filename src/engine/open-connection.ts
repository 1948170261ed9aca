/** Opens a connection on a connected socket: the one way for a server's connections and for those of `connect`. */

import type { OverlappedSocket } from '../port/socket.js';
import { Connection } from './connection.js';
import { close } from './connection-core/close.js';
import { emitOpen } from './connection-core/emit.js';
import { handlerFailed } from './connection-core/handler-errors.js';
import { errorOf } from './connection-core/handler-table.js';
import { receive } from './connection-core/receive.js';
import type { ConnectionContext } from './connection-core/record.js';
import { CLOSING } from './connection-core/state.js';
import { armTimer } from './connection-core/timeouts.js';
import type { EngineCore } from './engine-core.js';
import type { ConnectionOptions } from './options.js';
import { SecureConnection } from './secure/secure-connection.js';
import { setTcpOptions } from './tcp-options.js';

type ContextFactory = (connection: Connection) => unknown;

/** A program's context function threw; the cause is what it threw. */
export class ContextFailure extends Error {}

function contextOf(group: ConnectionContext, connection: Connection, context: unknown): unknown {
  if (typeof context !== 'function') {
    return context;
  }
  try {
    return group.context.run(context as ContextFactory, undefined, connection);
  } catch (cause) {
    throw new ContextFailure('The context function threw', { cause });
  }
}

/**
 * Makes a connection on a connected socket, counts it, calls its handler `open` and begins to receive. If the first receive
 * cannot be posted, the connection closes with the reason `error`.
 * @param context the value of `connection.context`, or a function that makes one for each connection
 * @throws the error of the program's framing, a ContextFailure for its context function, or the reason why the socket cannot
 * join the port. Then nothing is counted, no handler was called, and the socket is still the caller's to close.
 */
export function openConnection(
  group: ConnectionContext & { readonly engine: EngineCore },
  socket: OverlappedSocket,
  context: unknown,
): Connection {
  if (group.secure !== undefined) {
    return openSecure(group, socket, context);
  }
  const { engine, counters, limits } = group;
  const connection = new Connection(group, socket);
  connection.context = contextOf(group, connection, context);
  join(engine, socket, connection);
  counters.opened++;
  engine.reference(1);
  group.connectionOpened(connection);
  try {
    if (limits.timed || connection.messages?.heartbeat !== undefined) {
      armTimer(connection);
    }
    emitOpen(connection);
    receive(connection);
  } catch (error) {
    // For example: operationsMax operations are in flight already.
    close(connection, 'error', errorOf(error));
  }
  return connection;
}

function join(engine: EngineCore, socket: OverlappedSocket, connection: Connection): void {
  if (socket.isAssociated) {
    // It joined the port to connect.
    socket.key = connection;
  } else {
    engine.port.associate(socket, connection);
  }
}

/** Makes a connection that opens when its TLS handshake is done. The program does not see it before. */
function openSecure(
  group: ConnectionContext & { readonly engine: EngineCore },
  socket: OverlappedSocket,
  context: unknown,
): Connection {
  const { engine } = group;
  const connection = new SecureConnection(group, socket, (opening) => openSecured(opening, context));
  join(engine, socket, connection);
  group.counters.opened++;
  engine.reference(1);
  group.handshakeBegins?.(connection);
  try {
    if ((connection.flags & CLOSING) === 0) {
      connection.begins();
      receive(connection);
    }
  } catch (error) {
    close(connection, 'error', errorOf(error));
  }
  return connection;
}

/** The handshake is done. */
function openSecured(connection: SecureConnection, context: unknown): void {
  const { group } = connection;
  try {
    connection.context = contextOf(group, connection, context);
  } catch (failure) {
    connection.secure.opened = false;
    handlerFailed(connection, (failure as ContextFailure).cause, 'context');
    return;
  }
  group.connectionOpened(connection);
  if (group.limits.timed || connection.messages?.heartbeat !== undefined) {
    armTimer(connection);
  }
  emitOpen(connection);
}

/** Sets the options of a new socket. Accepted sockets inherit those of their listener. */
export function setSocketOptions(socket: OverlappedSocket, options: ConnectionOptions): void {
  if (socket.family !== 'unix') {
    setTcpOptions(socket, options);
  }
  for (const name of ['sendBufferBytes', 'receiveBufferBytes'] as const) {
    const byteLength = options[name] ?? undefined;
    if (byteLength !== undefined) {
      socket.setOption(name, byteLength);
    }
  }
}
