/** `connect` of `node:tls`, on the engine where that can do what the options want. */

import { addAbortSignal } from 'node:stream';
import type nodeTls from 'node:tls';
import { withCode } from '../../base/argument-errors.js';
import { SecureConnection } from '../../engine/secure/secure-connection.js';
import type { ShownSession, TlsSession } from '../../tls/session.js';
import { failureOfCode, systemError } from '../errors.js';
import { type NetSocket, type SocketState, type SocketTls, STATE } from '../socket/state.js';
import { ClientGroup } from './client-group.js';
import { type ClientOptions, clientArguments, needsNodesTls } from './client-options.js';
import { secureError } from './errors.js';
import { ConnectingTlsSocket, countAsNodes } from './tls-socket.js';

/** The server has gone during the handshake. */
function disconnected({ path, host, port, localAddress }: ClientOptions): Error {
  const message = 'Client network socket disconnected before secure TLS connection was established';
  return Object.assign(withCode(new Error(message), 'ECONNRESET'), { path, host, port, localAddress });
}

/** The TLS of one client, and the events of its socket. */
class ClientTls implements SocketTls {
  readonly group: ClientGroup;

  constructor(socket: NetSocket, options: ClientOptions) {
    this.group = new ClientGroup(socket, options);
  }

  secured({ socket, connection }: SocketState): void {
    socket.emit('secureConnect');
    socket.emit('secure');
    const session = connection instanceof SecureConnection ? connection.secure.session : undefined;
    // With TLS 1.3 the server sends it later.
    if (session !== undefined && session.ssl !== 0) {
      this.group.handshakeDone(session);
    }
    if (!socket.isPaused() && !socket.destroyed) {
      socket.read(0);
    }
  }

  setServername(name: string): void {
    this.group.servername = name || undefined;
  }

  setSession(session: unknown): void {
    this.group.setSession(session);
  }

  get shown(): ShownSession | undefined {
    return this.group.shown;
  }

  prepare(change: (session: TlsSession) => void): void {
    this.group.changes.push(change);
  }

  failed(state: SocketState, error: Error): void {
    const { socket, writer } = state;
    const { code } = error as NodeJS.ErrnoException;
    const seen = code === 'ERR_TLS_TRUNCATED' ? disconnected(this.group.options) : secureError(error);
    socket.destroy(seen);
    // The reason is the socket's error: writes are cancelled, as with Node.
    writer?.closed(systemError(failureOfCode('ECANCELED'), 'write'));
  }
}

type Connect = (...args: unknown[]) => unknown;

/** @param nodes Node's own function, for what the engine's TLS cannot do */
export function connectSecurely(nodes: Connect, args: readonly unknown[]): nodeTls.TLSSocket {
  const [options, callback] = clientArguments(args);
  if (needsNodesTls(options)) {
    return nodes(...args) as nodeTls.TLSSocket;
  }
  countAsNodes();
  const { allowHalfOpen, highWaterMark, onread, signal, timeout, keepAlive, keepAliveInitialDelay, noDelay } = options;
  // Node's constructor would revive a socket that an aborted signal has destroyed, and it would connect.
  const isAborted = signal?.aborted === true;
  // Node 20 ignores these three, and later ones do not.
  const tcp = { keepAlive, keepAliveInitialDelay, noDelay };
  const parts = { allowHalfOpen, highWaterMark, onread, ...tcp, ...(isAborted ? {} : { signal }) };
  const socket = new ConnectingTlsSocket(parts);
  socket[STATE].secure = new ClientTls(socket, options);
  if (callback !== null) {
    socket.once('secureConnect', callback);
  }
  if (timeout) {
    (socket as unknown as nodeTls.TLSSocket).setTimeout(timeout);
  }
  if (isAborted) {
    addAbortSignal(signal, socket);
  } else {
    socket.connect(options);
  }
  return socket as unknown as nodeTls.TLSSocket;
}
