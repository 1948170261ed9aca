/** The listening of a server: its listener on the engine, and the sockets that it accepts. */

import { channel } from 'node:diagnostics_channel';
import type { SocketAddress } from '../../base/address.js';
import { AcceptQueue, type AcceptQueueOwner } from '../../engine/accept-queue.js';
import type { Connection } from '../../engine/connection.js';
import type { ConnectionContext, ConnectionRecord, StreamSink } from '../../engine/connection-core/record.js';
import { ConnectionCounters } from '../../engine/counters.js';
import type { EngineCore } from '../../engine/engine-core.js';
import { openConnection } from '../../engine/open-connection.js';
import { openListener } from '../../engine/server/listener.js';
import { callersContext } from '../../port/async-context.js';
import type { OverlappedSocket } from '../../port/socket.js';
import { callBack } from '../call.js';
import { NET_LIMITS, netEngineCore } from '../engine.js';
import { failureOf, systemError } from '../errors.js';
import { IS_NODE_22 } from '../node-net.js';
import { SecureAccepts } from '../secure/accepts.js';
import { type NodeTlsServer, whyListenersNeedNodes } from '../secure/node-server.js';
import { acceptedSocket } from '../socket/accepted.js';
import { addressInfo } from '../socket/addresses.js';
import { socketHandlers } from '../socket/attach.js';
import { type AddressInfo, type SocketState, STATE } from '../socket/state.js';
import { keepAliveDelayMs } from '../socket/tcp-options.js';
import { dropHandleParts } from './http-parts.js';
import type { ListeningServer } from './listening-server.js';

export interface ListenPlace {
  readonly address: SocketAddress;
  /** The host is the program's: without one, a system that lacks IPv6 listens at all its IPv4 addresses. */
  readonly hasHost: boolean;
  readonly backlog: number;
  readonly ipv6Only: boolean;
  readonly reusePort: boolean;
  /** Its connections have TLS of the engine. */
  readonly secure: boolean;
}

/** Sockets that are accepted in one round before others have theirs. */
const ACCEPTS_PER_ROUND_MAX = 128;

const socketChannel = channel('net.server.socket');

/** A socket was accepted: as when a handle has a new connection. */
function accepted(state: SocketState): void {
  const { socket } = state;
  const server = socket._server as ListeningServer;
  if (!server.pauseOnConnect) {
    socket.read(0);
  }
  server.emit('connection', socket);
  dropHandleParts(socket);
  if (socketChannel.hasSubscribers) {
    socketChannel.publish({ socket });
  }
}

const handlers = socketHandlers(accepted);

function nameOr(read: () => SocketAddress): AddressInfo {
  try {
    return addressInfo(read());
  } catch {
    return {};
  }
}

export class Listening implements ConnectionContext, AcceptQueueOwner {
  readonly engine: EngineCore;
  readonly handlers = handlers as ConnectionContext['handlers'];
  readonly context = callersContext();
  readonly limits = NET_LIMITS;
  readonly counters = new ConnectionCounters();
  readonly messages = undefined;
  readonly topics = undefined;
  /** The address that it listens on. */
  readonly address: SocketAddress;
  readonly #server: ListeningServer;
  readonly #accepts: AcceptQueue;
  readonly #secure: SecureAccepts | undefined;
  #whenClosed: (() => void) | undefined;
  /** The program has closed the server. */
  #isClosed = false;

  /** @throws OperationError what the system refuses */
  constructor(server: ListeningServer, place: ListenPlace, whenClosed: () => void) {
    this.#server = server;
    this.#whenClosed = whenClosed;
    this.engine = netEngineCore();
    this.#secure = place.secure ? new SecureAccepts(server as NodeTlsServer, this) : undefined;
    const { noDelay, keepAlive } = server;
    const keepAliveInitialDelayMs = keepAliveDelayMs(server.keepAliveInitialDelay);
    const { ipv6Only, reusePort } = place;
    const host = place.hasHost ? { host: 'given' } : {};
    const listener = openListener(
      this.engine,
      place.address,
      { noDelay, keepAlive, keepAliveInitialDelayMs, ipv6Only, reusePort, ...host },
      place.backlog,
    );
    this.address = listener.localAddress();
    this.#accepts = new AcceptQueue({
      engine: this.engine,
      listener,
      owner: this,
      perRoundMax: ACCEPTS_PER_ROUND_MAX,
      waitingMax: Infinity,
    });
    try {
      this.#accepts.start();
    } catch (error) {
      this.engine.port.closeSocket(listener);
      throw error;
    }
  }

  setReferenced(referenced: boolean): void {
    if (referenced) {
      this.#accepts.ref();
    } else {
      this.#accepts.unref();
    }
  }

  /** Stops listening. `whenClosed` is called once, when the address is free, perhaps at once. */
  close(): void {
    this.#isClosed = true;
    this.#accepts.close();
    this.listenerClosed();
  }

  listenerClosed(): void {
    if (this.#accepts.listenerCloses) {
      // Another completion of its accepts follows.
      return;
    }
    this.#accepts.unref();
    if (this.#isClosed) {
      const whenClosed = this.#whenClosed;
      this.#whenClosed = undefined;
      whenClosed?.();
    }
  }

  socketAccepted(): void {}

  socketDropped(): void {}

  roundOver(): void {}

  takeSocket(socket: OverlappedSocket): boolean {
    this.context.run(callBack, undefined, take, this, socket);
    return true;
  }

  /** Makes a socket of the program of an accepted one, or drops it. */
  accept(accepted: OverlappedSocket): void {
    const server = this.#server;
    if (this.#isRefused(accepted)) {
      this.engine.port.closeSocket(accepted);
      return;
    }
    if (this.#secure !== undefined && whyListenersNeedNodes(server as NodeTlsServer) === undefined) {
      this.#acceptSecure(this.#secure, accepted);
      return;
    }
    const { allowHalfOpen, pauseOnConnect, highWaterMark } = server;
    const socket = acceptedSocket({ allowHalfOpen, highWaterMark });
    if (pauseOnConnect) {
      socket.pause();
    }
    const state = socket[STATE];
    state.local = accepted.family === 'unix';
    // The listener has given them to it.
    state.noDelay = server.noDelay;
    state.keepAlive = server.keepAlive;
    state.keepAliveDelaySeconds = server.keepAliveInitialDelay;
    server._connections++;
    socket.server = server;
    socket._server = server;
    try {
      openConnection(this, accepted, state);
    } catch (error) {
      this.engine.port.closeSocket(accepted);
      socket.destroy(error as Error);
    }
  }

  #acceptSecure(secure: SecureAccepts, accepted: OverlappedSocket): void {
    try {
      secure.accept(accepted);
    } catch (error) {
      this.engine.port.closeSocket(accepted);
      this.#server.emit('tlsClientError', error);
    }
  }

  /** Whether a limit of the server refuses a socket; it is reported as `drop`. */
  #isRefused(socket: OverlappedSocket): boolean {
    const server = this.#server;
    const { maxConnections, blockList } = server;
    // Before Node 22 a limit of 0 was none.
    const isLimited = IS_NODE_22 ? maxConnections !== undefined && maxConnections !== null : Boolean(maxConnections);
    const full = isLimited && server._connections >= (maxConnections as number);
    if (!full && blockList === undefined) {
      return false;
    }
    const remote = nameOr(() => socket.remoteAddress());
    const blocked =
      remote.address !== undefined && blockList?.check(remote.address, remote.family?.toLowerCase() ?? '');
    if (!full && blocked !== true) {
      return false;
    }
    const local = nameOr(() => socket.localAddress());
    server.emit('drop', {
      localAddress: local.address,
      localPort: local.port,
      localFamily: local.family,
      remoteAddress: remote.address,
      remotePort: remote.port,
      remoteFamily: remote.family,
    });
    return true;
  }

  acceptFailed(error: Error): void {
    this.context.run(callBack, undefined, reportAcceptError, this.#server, error);
  }

  engineClosed(): void {
    this.#accepts.close();
  }

  streamOf(connection: ConnectionRecord): StreamSink | undefined {
    return (connection as Connection<SocketState>).context.writer;
  }

  connectionOpened(): void {}

  connectionClosed(): void {}
}

function take(listening: Listening, socket: OverlappedSocket): void {
  listening.accept(socket);
}

function reportAcceptError(server: ListeningServer, error: Error): void {
  server.emit('error', systemError(failureOf(error), 'accept'));
}
