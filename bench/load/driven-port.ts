/** The load's completion port: blocking, on the thread that it has for itself. */

import {
  type Completion,
  CompletionBatch,
  CompletionPort,
  type OverlappedSocket,
  type SocketAddress,
} from 'overlapped/port';
import type { LoadOrder, Sample } from './order.js';
import { TlsStage } from './tls.js';
import { ANSWER_TIMEOUT_MS, Window } from './window.js';

/** The longest sleep between two reads of the clock, in ms. */
const WAIT_MS = 20;
/**
 * Connections that the server has not confirmed yet: fewer than any backlog. Beyond a backlog, a connection is made
 * only for the client, and its bytes wait for a retransmission, which takes seconds.
 */
const UNHEARD_MAX = 100;
/** Addresses that are tried for one connection. */
const BINDS_MAX = 1000;
/** For all of them; several loads may be at it. */
const SETUP_TIMEOUT_MS = 60_000;

/** Receive buffers: one for each of many connections, so that none waits for faster ones. */
const BUFFERS_SMALL = { bufferSizeBytes: 4096, bufferCount: 8192 } as const;
const BUFFERS_LARGE = { bufferSizeBytes: 65536, bufferCount: 64 } as const;

/** Told of what happens on a connection whose completion key is a `Client`. */
export interface Handler<Client> {
  /** A connection is made, of TLS if the order has that, and nothing posted on it yet. */
  connected(socket: OverlappedSocket, client: Client): void;
  received(socket: OverlappedSocket, client: Client, data: Buffer): void;
  sent?(socket: OverlappedSocket, client: Client): void;
  /** The server has ended the connection: a failure, unless this is there. */
  ended?(client: Client): void;
}

/** Messages in flight when the time was over: a server that drops them has not done the counted work. */
export interface Rest {
  /** How many wait, and for what: as in `connections without all answers`. */
  readonly of: number;
  readonly what: string;
  /** How many still do. */
  missing(): number;
}

function bindToOneOf(socket: OverlappedSocket, addresses: Iterator<SocketAddress, never>): void {
  for (let tries = 0; tries < BINDS_MAX; tries++) {
    try {
      socket.bind(addresses.next().value);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') {
        throw error;
      }
    }
  }
  throw new Error(`No address to connect from: found none that is free in ${BINDS_MAX}`);
}

export class DrivenPort<Client> {
  readonly port: CompletionPort;
  readonly window: Window;
  readonly #handler: Handler<Client>;
  readonly #order: LoadOrder;
  readonly #batch = new CompletionBatch();
  readonly #sockets = new Set<OverlappedSocket>();
  readonly #tls: TlsStage<Client> | undefined;
  #unheard = 0;
  /** Makes the clients of accepted connections. */
  #clientOf: (() => Client) | undefined;

  /** @param messageBytes the most that one connection is likely to receive at once */
  constructor(order: LoadOrder, messageBytes: number, handler: Handler<Client>) {
    this.port = CompletionPort.create(messageBytes <= BUFFERS_SMALL.bufferSizeBytes ? BUFFERS_SMALL : BUFFERS_LARGE);
    this.#order = order;
    this.#handler = handler;
    this.window = new Window(order);
    this.#tls = order.tls && this.#tlsStage(order.tls.authorityFile);
  }

  #tlsStage(authorityFile: string): TlsStage<Client> {
    const { work } = this.#order;
    const handler = this.#handler;
    return new TlsStage(this.port, authorityFile, work.kind === 'connects' && work.resumes === true, {
      connected: (socket, client) => handler.connected(socket, client),
      received: (socket, client, data) => handler.received(socket, client, data),
      sent: (socket, client) => handler.sent?.(socket, client),
      ended: (client) => this.#ended(client),
      finished: (socket) => this.#drop(socket),
    });
  }

  /** @param from addresses to connect from, of which the first that is free is taken; the system's choice unless given */
  connect(client: Client, from?: Iterator<SocketAddress, never>): void {
    const socket = this.port.createSocket('ipv4');
    this.#sockets.add(socket);
    socket.setOption('noDelay', 1);
    if (from !== undefined) {
      bindToOneOf(socket, from);
    }
    this.port.associate(socket, client);
    this.port.postConnect(socket, { family: 'ipv4', address: '127.0.0.1', port: this.#order.port });
  }

  /** Listens on a free port of 127.0.0.1 for clients that the measured program makes. @returns the port */
  listen(clientOf: () => Client): number {
    this.#clientOf = clientOf;
    const listener = this.port.createSocket('ipv4');
    this.#sockets.add(listener);
    listener.bind({ family: 'ipv4', address: '127.0.0.1', port: 0 });
    listener.setOption('noDelay', 1);
    listener.listen(UNHEARD_MAX);
    this.port.associate(listener);
    this.port.postAccept(listener);
    return (listener.localAddress() as { readonly port: number }).port;
  }

  #accepted({ socket: listener, accepted, more }: Completion): void {
    if (accepted !== undefined) {
      this.#sockets.add(accepted);
      this.port.associate(accepted, this.#clientOf?.());
      this.port.postReceive(accepted);
    }
    if (!more) {
      this.port.postAccept(listener as OverlappedSocket);
    }
  }

  /** Sends bytes, which stay as they are until `sent`. */
  send(socket: OverlappedSocket, bytes: Buffer): void {
    if (this.#tls === undefined) {
      this.port.postSend(socket, bytes);
    } else {
      this.#tls.send(socket, bytes);
    }
  }

  closeSocket(socket: OverlappedSocket): void {
    if (this.#tls === undefined) {
      this.#drop(socket);
    } else {
      this.#tls.end(socket);
    }
  }

  #drop(socket: OverlappedSocket): void {
    this.#sockets.delete(socket);
    this.port.closeSocket(socket);
  }

  #ended(client: Client): void {
    if (this.#handler.ended === undefined) {
      throw new Error('Connection ended: found the end of the stream, wanted an answer');
    }
    this.#handler.ended(client);
  }

  /**
   * Resets the connections, which leaves nothing behind: a closed connection keeps its address for a minute, and the
   * next measurement needs as many addresses again.
   */
  close(): void {
    for (const socket of this.#sockets) {
      this.port.closeSocket(socket, { reset: true });
    }
    this.port.close();
    this.#tls?.close();
  }

  /** Connects all clients, some at a time, until each has been answered. */
  connectAll(clients: readonly Client[], from?: Iterator<SocketAddress, never>): void {
    this.askAll(clients, (client) => this.connect(client, from));
  }

  /** Sends a request on each connection, some at a time, until each has been answered. */
  askAll(clients: readonly Client[], ask: (client: Client) => void): void {
    let next = 0;
    const done = this.turnUntil(SETUP_TIMEOUT_MS, () => {
      while (this.#unheard < UNHEARD_MAX && next < clients.length) {
        ask(clients[next++] as Client);
        this.#unheard++;
      }
      return this.#unheard === 0;
    });
    if (!done) {
      throw new Error(
        `Too late: found ${clients.length - next + this.#unheard} of ${clients.length} connections without an answer within ${SETUP_TIMEOUT_MS} ms, wanted none`,
      );
    }
  }

  /** The server has a connection, or has answered on it. */
  heard(): void {
    this.#unheard--;
  }

  /** Whether it was done in time. */
  turnUntil(timeoutMs: number, done: () => boolean): boolean {
    const deadline = performance.now() + timeoutMs;
    while (!done()) {
      if (performance.now() > deadline) {
        return false;
      }
      this.#turn();
    }
    return true;
  }

  /**
   * Measures from now on until the time is over; then waits for the missing answers.
   * @param act runs in each round, which then does not sleep
   */
  measure({ of, what, missing }: Rest, act?: () => void): Sample {
    const { window } = this;
    window.open();
    while (!window.over || (missing() > 0 && !window.late)) {
      this.#turn(act === undefined ? WAIT_MS : 0);
      act?.();
    }
    if (missing() > 0) {
      throw new Error(
        `Server stalled: found ${missing()} of ${of} ${what} ${ANSWER_TIMEOUT_MS} ms after the measurement, wanted none`,
      );
    }
    return window.sample();
  }

  #turn(waitMs = WAIT_MS): void {
    this.port.getQueuedCompletions(this.#batch, waitMs);
    this.window.tick();
    for (let index = 0; index < this.#batch.length; index++) {
      this.#dispatch(this.#batch.at(index));
    }
  }

  #dispatch(completion: Completion): void {
    const socket = completion.socket as OverlappedSocket;
    if (socket.closed) {
      return;
    }
    if (this.#tls?.isEnding(socket) === true) {
      if (completion.kind === 'send') {
        this.#tls.sent(socket);
      }
      return;
    }
    const client = completion.key as Client;
    if (completion.kind === 'receive' && completion.bytes === 0 && this.#handler.ended !== undefined) {
      this.#ended(client);
      return;
    }
    if (completion.code !== undefined) {
      throw completion.toError();
    }
    switch (completion.kind) {
      case 'connect':
        if (this.#tls === undefined) {
          this.#handler.connected(socket, client);
        } else {
          this.#tls.begin(socket, client);
        }
        this.port.postReceive(socket);
        return;
      case 'receive':
        this.#received(completion, socket, client);
        return;
      case 'accept':
        this.#accepted(completion);
        return;
      default:
        if (this.#tls === undefined) {
          this.#handler.sent?.(socket, client);
        } else {
          this.#tls.sent(socket);
        }
    }
  }

  #received(completion: Completion, socket: OverlappedSocket, client: Client): void {
    if (completion.bytes === 0) {
      this.#ended(client);
      return;
    }
    if (this.#tls === undefined) {
      this.#handler.received(socket, client, completion.data);
    } else {
      this.#tls.received(socket, completion.data);
    }
    if (!completion.more && !socket.closed) {
      this.port.postReceive(socket);
    }
  }
}
