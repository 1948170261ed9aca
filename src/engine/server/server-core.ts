/** Runs a server: its accepts, its connections with their limits, and its close. Programs hold it as a `Server`. */

import type { SocketAddress } from '../../base/address.js';
import { type AsyncContext, callersContext } from '../../port/async-context.js';
import type { OverlappedSocket } from '../../port/socket.js';
import type { TlsListenOptions } from '../../tls/options.js';
import { AcceptQueue, type AcceptQueueOwner } from '../accept-queue.js';
import type { CloseReason } from '../close-reasons.js';
import { close } from '../connection-core/close.js';
import type { ConnectionContext, ConnectionRecord } from '../connection-core/record.js';
import { CLOSED } from '../connection-core/state.js';
import type { Topics } from '../connection-core/topics.js';
import { ConnectionCounters } from '../counters.js';
import type { EngineCore } from '../engine-core.js';
import type { Handlers } from '../handlers.js';
import type { MessageRules } from '../messages/messages.js';
import { ContextFailure, openConnection } from '../open-connection.js';
import type { CheckedLimits } from '../options.js';
import { type GivenContext, ServerTls } from '../secure/server-tls.js';
import { onAbort } from '../signals.js';
import type { SharedBytes } from '../writing/shared-bytes.js';
import { AddressCounts } from './address-counts.js';
import { sendToAll } from './broadcast.js';
import { type ClosableServer, DEADLINE_MS, GracefulClose } from './graceful-close.js';

export interface CheckedServerLimits {
  readonly connectionsMax: number;
  readonly connectionsPerAddressMax: number;
  readonly acceptsPerRoundMax: number;
}

/** Counts the sockets of a server outside it: each accepted one, and each that was closed. */
export interface SocketCount {
  accepted(): void;
  gone(): void;
}

export interface ServerParts {
  readonly engine: EngineCore;
  /** Undefined for a server that is given sockets which another thread has accepted. */
  readonly listener: OverlappedSocket | undefined;
  readonly address: SocketAddress;
  readonly socketCount: SocketCount | undefined;
  readonly handlers: Handlers;
  readonly limits: CheckedLimits;
  readonly messages: MessageRules | undefined;
  readonly serverLimits: CheckedServerLimits;
  readonly topics: Topics<ConnectionRecord>;
  /** Its option `tls`. */
  readonly tls: TlsListenOptions | undefined;
  /** Contexts of TLS that replace or complete those of `tls`. */
  readonly contexts: readonly GivenContext[];
  /** The value of each `connection.context`, or the function that makes it. */
  readonly connectionContext: unknown;
  /** Closes the server when it aborts. */
  readonly signal: AbortSignal | null | undefined;
  /** Called with the error that ended the listening. */
  readonly onListenError: (error: Error) => void;
  /** Called when the server and all its connections are closed. */
  readonly onClosed: () => void;
}

export class ServerCore implements ConnectionContext, AcceptQueueOwner, ClosableServer {
  readonly engine: EngineCore;
  readonly handlers: Handlers;
  readonly context: AsyncContext = callersContext();
  readonly limits: CheckedLimits;
  readonly counters = new ConnectionCounters();
  readonly messages: MessageRules | undefined;
  readonly topics: Topics<ConnectionRecord>;
  readonly secure: ServerTls | undefined;
  readonly address: SocketAddress;
  /** Its connections, until their handler `close` has returned. */
  readonly connections = new Set<ConnectionRecord>();
  /** Connections whose TLS handshake is not done: they are not in `connections` yet. */
  readonly handshaking = new Set<ConnectionRecord>();
  readonly accepts: AcceptQueue;
  readonly closing = new GracefulClose(this);
  readonly #serverLimits: CheckedServerLimits;
  readonly #addresses: AddressCounts | undefined;
  readonly #socketCount: SocketCount | undefined;
  readonly #connectionContext: unknown;
  readonly #onListenError: (error: Error) => void;
  readonly #onClosed: () => void;
  readonly #ignoreSignal: () => void;
  /** The error that ended the listening. */
  error: Error | undefined;

  /** @throws OperationError why the first accept cannot be posted */
  constructor(parts: ServerParts) {
    this.engine = parts.engine;
    this.handlers = parts.handlers;
    this.limits = parts.limits;
    this.messages = parts.messages;
    this.topics = parts.topics;
    if (parts.tls !== undefined) {
      const secure = new ServerTls(parts.tls, this.context);
      for (const given of parts.contexts) {
        secure.give(given);
      }
      this.secure = secure;
      parts.engine.port.requireAddresses('tls');
    }
    this.address = parts.address;
    this.#serverLimits = parts.serverLimits;
    this.#addresses = parts.serverLimits.connectionsPerAddressMax === Infinity ? undefined : new AddressCounts();
    this.#socketCount = parts.socketCount;
    this.#connectionContext = parts.connectionContext;
    this.#onListenError = parts.onListenError;
    this.#onClosed = parts.onClosed;
    const { engine, listener, serverLimits } = parts;
    const perRoundMax = serverLimits.acceptsPerRoundMax;
    this.accepts = new AcceptQueue({ engine, listener, owner: this, perRoundMax, waitingMax: Infinity });
    this.accepts.start();
    this.#ignoreSignal = onAbort(parts.signal, () => this.closing.close(DEADLINE_MS));
  }

  /** Connections that are not closed. */
  get openCount(): number {
    return this.counters.opened - this.counters.closed;
  }

  /** The connections that are open or closing. */
  *openConnections(): Generator<ConnectionRecord> {
    for (const connection of this.connections) {
      if ((connection.flags & CLOSED) === 0) {
        yield connection;
      }
    }
  }

  socketAccepted(): void {
    this.#socketCount?.accepted();
  }

  takeSocket(socket: OverlappedSocket): boolean {
    this.#accept(socket);
    return true;
  }

  socketDropped(): void {
    this.#socketCount?.gone();
  }

  roundOver(): void {}

  /** Makes a connection of an accepted socket, or closes the socket. */
  #accept(socket: OverlappedSocket): void {
    const refusal = this.#refusal(socket);
    if (refusal !== undefined) {
      this.counters.closesByReason[refusal]++;
      this.#refuse(socket);
      return;
    }
    try {
      openConnection(this, socket, this.#connectionContext);
    } catch (thrown) {
      // The program's framing or context function threw, or the system refused this socket. Later connections may succeed.
      const [error, handler] =
        thrown instanceof ContextFailure ? ([thrown.cause, 'context'] as const) : ([thrown, 'framing'] as const);
      this.#addresses?.remove(socket);
      this.counters.countError(error);
      this.#refuse(socket);
      this.engine.onHandlerError(error, { handler, connection: undefined, remoteAddress: undefined });
    }
  }

  #refuse(socket: OverlappedSocket): void {
    this.engine.port.closeSocket(socket, { reset: true });
    this.#socketCount?.gone();
  }

  /** The limit that keeps a socket from becoming a connection. */
  #refusal(socket: OverlappedSocket): CloseReason | undefined {
    if (this.openCount >= this.#serverLimits.connectionsMax) {
      return 'connections_max';
    }
    if (this.#addresses?.add(socket, this.#serverLimits.connectionsPerAddressMax) === false) {
      return 'address_connections_max';
    }
    return undefined;
  }

  handshakeBegins(connection: ConnectionRecord): void {
    this.handshaking.add(connection);
  }

  connectionOpened(connection: ConnectionRecord): void {
    if (this.secure !== undefined) {
      this.handshaking.delete(connection);
    }
    this.connections.add(connection);
  }

  connectionClosed(connection: ConnectionRecord): void {
    this.connections.delete(connection);
    this.handshaking.delete(connection);
    this.#addresses?.remove(connection.socket);
    this.topics.forget(connection);
    this.#socketCount?.gone();
    this.closing.endIfEmpty();
  }

  acceptFailed(error: Error): void {
    this.error = error;
    this.counters.countError(error);
    void this.closing.close(DEADLINE_MS);
    this.context.enter(this.#onListenError, undefined, error);
  }

  engineClosed(): void {
    void this.closing.close(Infinity);
  }

  stopListening(): void {
    this.accepts.close();
    for (const connection of this.handshaking) {
      // It has asked for nothing yet.
      close(connection, 'drain_deadline');
    }
  }

  listenerClosed(): void {
    this.closing.endIfEmpty();
  }

  /** While an accept is in flight the listener has its address still, and the program may want it after the close. */
  get empty(): boolean {
    return this.openCount === 0 && !this.accepts.listenerCloses;
  }

  ended(): void {
    this.#ignoreSignal();
    this.accepts.unref();
    this.#onClosed();
  }

  /** Sends to the subscribers of a topic, or to all connections when `topic` is undefined; releases the bytes. */
  send(topic: string | undefined, shared: SharedBytes): number {
    return sendToAll(topic === undefined ? this.connections : this.topics.membersOf(topic), shared);
  }
}
