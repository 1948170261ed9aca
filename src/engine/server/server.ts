/** A server: a listening socket, the connections it has accepted, and the limits on them. */

import type { SocketAddress } from '../../base/address.js';
import { queueMicrotask } from '../../base/runtime.js';
import { type AsyncContext, callersContext } from '../../port/async-context.js';
import type { Completion } from '../../port/completion.js';
import type { OverlappedSocket } from '../../port/socket.js';
import type { CloseReason } from '../close-reasons.js';
import { Connection } from '../connection.js';
import { close } from '../connection-core/close.js';
import { emit, emitOpen } from '../connection-core/emit.js';
import { receive } from '../connection-core/receive.js';
import type { ConnectionContext, ConnectionRecord } from '../connection-core/record.js';
import { endWhenDone } from '../connection-core/shutdown.js';
import { CLOSING, LINGERING } from '../connection-core/state.js';
import { armTimer } from '../connection-core/timeouts.js';
import type { Topics } from '../connection-core/topics.js';
import { ConnectionCounters } from '../counters.js';
import type { CompletionTarget, Engine, TurnTask } from '../engine.js';
import { errorOf, type Handlers } from '../handlers.js';
import type { MessageRules } from '../messages/messages.js';
import { piecesOf } from '../messages/send-message.js';
import { type CheckedLimits, checkTime } from '../options.js';
import { Alarm } from '../scheduling/timer-wheel.js';
import { type ServerStatistics, serverStatistics } from '../statistics.js';
import type { Payload } from '../writing/payload.js';
import type { SharedBytes } from '../writing/shared-bytes.js';
import { AddressCounts } from './address-counts.js';
import { type ConnectionFilter, sendToAll, sendToMembers } from './broadcast.js';

export interface CheckedServerLimits {
  readonly connectionsMax: number;
  readonly connectionsPerAddressMax: number;
  readonly acceptsPerRoundMax: number;
}

/** Told of each accepted socket, and once when it is closed, whatever became of it: for counting them elsewhere too. */
export interface SocketCount {
  accepted(): void;
  gone(): void;
}

export interface ServerParts {
  readonly engine: Engine;
  /** Undefined for a server that is given sockets which another thread has accepted. */
  readonly listener: OverlappedSocket | undefined;
  readonly address: SocketAddress;
  readonly socketCount: SocketCount | undefined;
  readonly handlers: Handlers;
  readonly limits: CheckedLimits;
  readonly messages: MessageRules | undefined;
  readonly serverLimits: CheckedServerLimits;
  readonly topics: Topics<ConnectionRecord>;
  /** Told what ended the listening, if an error did. */
  readonly onListenError: (error: Error) => void;
  /** Called when the server and all its connections are closed. */
  readonly onClosed: () => void;
}

/** How long `close` lets connections finish unless told, in ms. */
const DEADLINE_MS = 10_000;

export interface CloseOptions {
  /** How long connections may take to finish before they are reset, in ms; 10,000 unless told, 0 resets at once. */
  readonly deadlineMs?: number;
}

export class Server<Context = unknown> implements ConnectionContext, CompletionTarget, TurnTask {
  /** @internal */
  readonly engine: Engine;
  /** @internal */
  readonly handlers: Handlers;
  /** @internal */
  readonly context: AsyncContext = callersContext();
  /** @internal */
  readonly limits: CheckedLimits;
  /** @internal */
  readonly counters = new ConnectionCounters();
  /** @internal */
  readonly messages: MessageRules | undefined;
  /** @internal */
  readonly topics: Topics<ConnectionRecord>;
  readonly #listener: OverlappedSocket | undefined;
  readonly #socketCount: SocketCount | undefined;
  readonly #serverLimits: CheckedServerLimits;
  readonly #onListenError: (error: Error) => void;
  readonly #onClosed: () => void;
  readonly #addresses: AddressCounts | undefined;
  /** Accepted sockets that wait for their turn. */
  #waiting: OverlappedSocket[] = [];
  #listening = true;
  #referenced = true;
  #error: Error | undefined;
  #closed: Promise<void> | undefined;
  #whenClosed: () => void = () => undefined;
  readonly #deadline = new Alarm(() => this.#resetAll());
  #ended = false;
  /** The address it listens on. */
  readonly address: SocketAddress;

  /** @internal */
  constructor(parts: ServerParts) {
    this.engine = parts.engine;
    this.handlers = parts.handlers;
    this.limits = parts.limits;
    this.messages = parts.messages;
    this.topics = parts.topics;
    this.#listener = parts.listener;
    this.#socketCount = parts.socketCount;
    this.#serverLimits = parts.serverLimits;
    this.#onListenError = parts.onListenError;
    this.#onClosed = parts.onClosed;
    this.#addresses = parts.serverLimits.connectionsPerAddressMax === Infinity ? undefined : new AddressCounts();
    this.address = parts.address;
    if (this.#listener !== undefined) {
      this.engine.associate(this.#listener, this);
      this.#postAccept(this.#listener);
    }
    // Last: a server that cannot accept is none, and leaves nothing.
    this.engine.reference(1);
  }

  /** Connections that are not closed. */
  get connectionsCount(): number {
    return this.counters.opened - this.counters.closed;
  }

  /** Whether it and all of its connections are closed. */
  get closed(): boolean {
    return this.#ended;
  }

  /** Whether new connections are taken. */
  get listening(): boolean {
    return this.#listening;
  }

  /** The connections that are open, or closing. */
  *connections(): Generator<Connection<Context>> {
    for (const connection of this.engine.connections()) {
      if (connection.group === this) {
        yield connection as Connection<Context>;
      }
    }
  }

  #postAccept(listener: OverlappedSocket): void {
    this.engine.port.postAccept(listener);
    this.engine.counters.acceptsPosted++;
  }

  /** @internal */
  completed(completion: Completion): void {
    const { accepted } = completion;
    if (accepted !== undefined) {
      this.#socketCount?.accepted();
      this.take(accepted);
    }
    if (!completion.more && this.#listening && this.#listener !== undefined) {
      if (completion.code !== undefined) {
        throw completion.toError();
      }
      this.#postAccept(this.#listener);
    }
    this.#closeIfEmpty();
  }

  /** @internal Takes an accepted socket, in the next turn. */
  take(accepted: OverlappedSocket): void {
    if (!this.#listening) {
      this.#drop(accepted);
      return;
    }
    if (this.#waiting.length === 0) {
      this.engine.runNext(this);
    }
    this.#waiting.push(accepted);
  }

  /** Closes an accepted socket that never was a connection. */
  #drop(accepted: OverlappedSocket, options: { readonly reset?: boolean } = {}): void {
    this.engine.port.closeSocket(accepted, options);
    this.#socketCount?.gone();
  }

  /** @internal Accepting has failed for good. */
  failed(error: Error): void {
    this.#error = error;
    this.counters.countError(error);
    void this.close();
    this.context.enter(this.#onListenError, undefined, error);
  }

  /** @internal Takes as many of the accepted sockets as one turn may. */
  turn(): void {
    // One by one: if one of them closes the server, this drops those that wait.
    try {
      for (let left = this.#serverLimits.acceptsPerRoundMax; left > 0 && this.#waiting.length > 0; left--) {
        this.#accept(this.#waiting.shift() as OverlappedSocket);
      }
    } finally {
      if (this.#waiting.length > 0) {
        this.engine.runNext(this);
      }
    }
  }

  #accept(socket: OverlappedSocket): void {
    const refusal = this.#refusal(socket);
    if (refusal !== undefined) {
      this.counters.closesByReason[refusal]++;
      this.#drop(socket, { reset: true });
      return;
    }
    let connection: Connection<Context>;
    try {
      connection = new Connection<Context>(this, socket);
      this.engine.associate(socket, connection as Connection);
    } catch (error) {
      // A framing of the program's own, or the system: nobody has heard of this connection, and the next ones need not fail.
      this.#addresses?.remove(socket);
      this.counters.countError(error);
      this.#drop(socket, { reset: true });
      this.engine.onHandlerError(error, { handler: 'framing', connection: undefined, remoteAddress: undefined });
      return;
    }
    this.counters.opened++;
    this.engine.reference(1);
    try {
      if (this.limits.timed || this.messages?.heartbeat !== undefined) {
        armTimer(connection as Connection);
      }
      emitOpen(connection as Connection);
      receive(connection as Connection);
    } catch (error) {
      // Such as that no more operations may be in flight.
      close(connection as Connection, 'error', errorOf(error));
    }
  }

  /** Why a connection is not taken. */
  #refusal(socket: OverlappedSocket): CloseReason | undefined {
    if (this.connectionsCount >= this.#serverLimits.connectionsMax) {
      return 'connections_max';
    }
    if (this.#addresses?.add(socket, this.#serverLimits.connectionsPerAddressMax) === false) {
      return 'address_connections_max';
    }
    return undefined;
  }

  /** @internal */
  connectionClosed(connection: Connection): void {
    this.#addresses?.remove(connection.socket);
    this.topics.forget(connection);
    this.#socketCount?.gone();
    this.#closeIfEmpty();
  }

  /**
   * Stops listening, asks each connection to end (`serverClosing`, or `end()` where there is no such handler), and resets
   * those that are left at the deadline. Resolves when all are closed.
   */
  close(options?: CloseOptions | null): Promise<void> {
    const deadlineMs = checkTime('deadlineMs', options?.deadlineMs, DEADLINE_MS);
    if (this.#closed === undefined) {
      this.#closed = new Promise((resolve) => {
        this.#whenClosed = resolve;
      });
      this.#stopListening();
      this.#askToEnd();
      // Also when nothing is open: whoever waits is told in a turn of its own.
      queueMicrotask(() => this.#closeIfEmpty());
    }
    this.#setDeadline(deadlineMs);
    return this.#closed;
  }

  #stopListening(): void {
    this.#listening = false;
    if (this.#listener !== undefined) {
      this.engine.port.closeSocket(this.#listener);
    }
    for (const socket of this.#waiting) {
      this.#drop(socket);
    }
    this.#waiting = [];
  }

  #askToEnd(): void {
    for (const connection of [...this.connections()] as Connection[]) {
      if (connection.closing) {
        // Another one's handler may have closed it a moment ago.
        continue;
      }
      if (connection.handlers.serverClosing === undefined) {
        endWhenDone(connection);
      } else if ((connection.flags & (CLOSING | LINGERING)) === 0) {
        // One that ends already, by a handler just told perhaps, is told nothing more but its close.
        emit(connection, 'serverClosing');
      }
    }
  }

  #setDeadline(deadlineMs: number): void {
    if (deadlineMs === 0) {
      this.#resetAll();
    } else if (!this.#ended) {
      this.engine.setAlarm(this.#deadline, deadlineMs);
    }
  }

  #resetAll(): void {
    for (const connection of [...this.connections()] as Connection[]) {
      close(connection, 'drain_deadline');
    }
  }

  #closeIfEmpty(): void {
    // While its accept is in flight the listener still has the address: who waits for the close may want it.
    const listenerCloses = this.#listener?.state === 'closing';
    if (this.#closed === undefined || this.connectionsCount > 0 || listenerCloses || this.#ended) {
      return;
    }
    this.#ended = true;
    this.engine.wheel.remove(this.#deadline);
    this.unref();
    this.#whenClosed();
    this.#onClosed();
  }

  /** @internal */
  engineClosed(): void {
    void this.close({ deadlineMs: Infinity });
  }

  /** What ended the listening, if an error did. */
  get error(): Error | undefined {
    return this.#error;
  }

  /**
   * Sends bytes or text to all connections, or to those that the filter lets through: one copy, shared by all sends. Slow
   * members are held to their own limits.
   * @returns to how many it was written
   */
  broadcast(data: Payload, filter?: ConnectionFilter<Context>): number {
    return sendToAll(this, this.engine.sharing.join([data]), filter);
  }

  /** The same with a message, which is encoded once. @throws FramingError */
  broadcastMessage(message: unknown, filter?: ConnectionFilter<Context>): number {
    return sendToAll(this, this.engine.sharing.join(piecesOf(this.messages, message)), filter);
  }

  /** Sends bytes or text to all who have subscribed to a topic. @returns to how many it was written */
  publish(topic: string, data: Payload): number {
    return sendToMembers(this.topics.membersOf(topic), this.engine.sharing.join([data]));
  }

  /** The same with a message. @throws FramingError */
  publishMessage(topic: string, message: unknown): number {
    return sendToMembers(this.topics.membersOf(topic), this.engine.sharing.join(piecesOf(this.messages, message)));
  }

  /** @internal Sends to the subscribers of a topic, or to all connections when there is none; releases the bytes. */
  sendShared(topic: string | undefined, shared: SharedBytes): number {
    return topic === undefined ? sendToAll(this, shared) : sendToMembers(this.topics.membersOf(topic), shared);
  }

  /** The server keeps the process alive, as it does unless told. */
  ref(): void {
    if (!(this.#referenced || this.#ended)) {
      this.#referenced = true;
      this.engine.reference(1);
    }
  }

  /** The server does not keep the process alive; its connections do. */
  unref(): void {
    if (this.#referenced) {
      this.#referenced = false;
      this.engine.reference(-1);
    }
  }

  /** Counts since the server began to listen. */
  statistics(): ServerStatistics {
    return serverStatistics(this.engine, this.counters);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
