/** The connections of a server with TLS: they become sockets of the program once their handshake is done. */

import { channel } from 'node:diagnostics_channel';
import type { Connection } from '../../engine/connection.js';
import type { ConnectionContext, ConnectionRecord, StreamSink } from '../../engine/connection-core/record.js';
import type { EngineCore } from '../../engine/engine-core.js';
import { openConnection } from '../../engine/open-connection.js';
import type { SecureConnection } from '../../engine/secure/secure-connection.js';
import type { OverlappedSocket } from '../../port/socket.js';
import { callBack } from '../call.js';
import { NET_LIMITS } from '../engine.js';
import { dropHandleParts } from '../server/http-parts.js';
import type { ListeningServer } from '../server/listening-server.js';
import { addressInfo } from '../socket/addresses.js';
import { socketHandlers } from '../socket/attach.js';
import { type AddressInfo, type NetSocket, type SocketState, STATE } from '../socket/state.js';
import { handshakeError } from './errors.js';
import type { NodeTlsServer } from './node-server.js';
import { ServerGroup } from './server-group.js';
import { acceptedTlsSocket, countAsNodes } from './tls-socket.js';

const socketChannel = channel('net.server.socket');

/** A handshake is done. */
function secured(state: SocketState): void {
  const { socket } = state;
  const server = socket._server as ListeningServer;
  socket.read(0);
  server.emit('secureConnection', socket);
  dropHandleParts(socket);
  if (socketChannel.hasSubscribers) {
    socketChannel.publish({ socket });
  }
}

const handlers = socketHandlers(secured);

function ignore(): void {}

function peerOf(connection: Connection): AddressInfo {
  try {
    return addressInfo(connection.remoteAddress);
  } catch {
    // It has gone already.
    return {};
  }
}

/** The parts of a listener that connections with TLS and without it share. */
type Shared = Pick<ConnectionContext, 'context' | 'counters'> & { readonly engine: EngineCore };

export class SecureAccepts implements ConnectionContext {
  readonly engine: EngineCore;
  readonly handlers = handlers as ConnectionContext['handlers'];
  readonly context: ConnectionContext['context'];
  readonly limits = NET_LIMITS;
  readonly counters: ConnectionContext['counters'];
  readonly messages = undefined;
  readonly topics = undefined;
  readonly secure: ServerGroup['tls'];
  readonly #group: ServerGroup;
  readonly #server: NodeTlsServer;
  readonly #stateOf = (connection: Connection): SocketState => this.#socketOf(connection)[STATE];

  /** @throws what Node throws for wrong options of a context */
  constructor(server: NodeTlsServer, { engine, context, counters }: Shared) {
    countAsNodes();
    this.#server = server;
    this.engine = engine;
    this.context = context;
    this.counters = counters;
    this.#group = new ServerGroup(server, context);
    this.secure = this.#group.tls;
  }

  /** Begins the handshake of an accepted socket. */
  accept(socket: OverlappedSocket): void {
    this.#group.refresh();
    this.#server._connections++;
    try {
      openConnection(this, socket, this.#stateOf);
    } catch (error) {
      this.#server._connections--;
      throw error;
    }
  }

  handshakeBegins(connection: ConnectionRecord): void {
    const opening = connection as SecureConnection;
    // The system no longer knows the address when the handshake has failed.
    const remote = peerOf(opening);
    opening.secure.settled = (error) => {
      if (error !== undefined) {
        this.context.run(callBack, undefined, () => this.#failed(opening, error, remote), undefined, undefined);
      }
    };
  }

  #socketOf(connection: Connection): NetSocket {
    const server = this.#server;
    const { allowHalfOpen, highWaterMark } = server;
    const socket = acceptedTlsSocket({ allowHalfOpen, highWaterMark });
    const state = socket[STATE];
    state.local = connection.socket.family === 'unix';
    // The listener has given them to it.
    state.noDelay = server.noDelay;
    state.keepAlive = server.keepAlive;
    state.keepAliveDelaySeconds = server.keepAliveInitialDelay;
    socket.server = server;
    socket._server = server;
    return socket;
  }

  /** A handshake has failed. The program gets a socket that is closed, and says whose it was. */
  #failed(connection: SecureConnection, error: Error, remote: AddressInfo): void {
    const socket = this.#socketOf(connection);
    const state = socket[STATE];
    state.lastConnection = connection;
    state.peerName = remote;
    socket.on('error', ignore);
    this.#server.emit('tlsClientError', handshakeError(error), socket);
    socket.destroy();
  }

  streamOf(connection: ConnectionRecord): StreamSink | undefined {
    return (connection as Connection<SocketState>).context?.writer;
  }

  connectionOpened(): void {}

  connectionClosed(): void {}
}
