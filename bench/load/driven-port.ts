/** The load's completion port: blocking, on the thread that it has for itself. */

import { type Completion, CompletionBatch, CompletionPort, type OverlappedSocket } from 'overlapped';
import type { LoadOrder, Sample } from './order.js';
import { ANSWER_TIMEOUT_MS, Window } from './window.js';

/** The longest sleep between two looks at the clock, in ms. */
const WAIT_MS = 20;
/** Connections that are being made at one time: fewer than any server's backlog. */
const CONNECTS_IN_FLIGHT = 100;
const SETUP_TIMEOUT_MS = 20_000;

/** Receive buffers: for each connection one, where there are many, so that none has to wait for those that are quicker. */
const BUFFERS_SMALL = { bufferSizeBytes: 4096, buffersMax: 8192 } as const;
const BUFFERS_LARGE = { bufferSizeBytes: 65536, buffersMax: 64 } as const;

/** Told of what happens on a connection whose completion key is a `Client`. */
export interface Handler<Client> {
  /** A connection is made, and nothing posted on it yet. */
  connected(socket: OverlappedSocket, client: Client): void;
  received(socket: OverlappedSocket, client: Client, data: Buffer): void;
  sent?(socket: OverlappedSocket, client: Client): void;
}

/** What was on its way when the time was over: a server that leaves it out has not done the work that was counted. */
export interface Rest {
  /** How many wait, and for what: as in `connections without all answers`. */
  readonly of: number;
  readonly what: string;
  /** How many still do. */
  missing(): number;
}

export class DrivenPort<Client> {
  readonly port: CompletionPort;
  readonly window: Window;
  readonly #handler: Handler<Client>;
  readonly #order: LoadOrder;
  readonly #batch = new CompletionBatch();
  #connecting = 0;

  /** @param messageBytes the most that one connection is likely to receive at once */
  constructor(order: LoadOrder, messageBytes: number, handler: Handler<Client>) {
    this.port = CompletionPort.create(messageBytes <= BUFFERS_SMALL.bufferSizeBytes ? BUFFERS_SMALL : BUFFERS_LARGE);
    this.#order = order;
    this.#handler = handler;
    this.window = new Window(order);
  }

  connect(client: Client): void {
    const socket = this.port.createSocket('ipv4');
    socket.setOption('noDelay', 1);
    this.port.associate(socket, client);
    this.port.postConnect(socket, { family: 'ipv4', address: '127.0.0.1', port: this.#order.port });
    this.#connecting++;
  }

  connectAll(clients: readonly Client[]): void {
    let next = 0;
    this.waitUntil('connections', () => {
      while (this.#connecting < CONNECTS_IN_FLIGHT && next < clients.length) {
        this.connect(clients[next++] as Client);
      }
      return this.#connecting === 0;
    });
  }

  /** Waits for something that must come before there is anything to measure. */
  waitUntil(what: string, done: () => boolean): void {
    if (!this.turnUntil(SETUP_TIMEOUT_MS, done)) {
      throw new Error(`Too late: found not all ${what} within ${SETUP_TIMEOUT_MS} ms`);
    }
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

  /** Measures, from now on, until the time is over; then waits for the rest. */
  measure({ of, what, missing }: Rest): Sample {
    const { window } = this;
    window.open();
    while (!window.over || (missing() > 0 && !window.late)) {
      this.#turn();
    }
    if (missing() > 0) {
      throw new Error(
        `Server stalled: found ${missing()} of ${of} ${what} ${ANSWER_TIMEOUT_MS} ms behind the measurement, wanted none`,
      );
    }
    return window.sample();
  }

  #turn(): void {
    this.port.getQueuedCompletions(this.#batch, WAIT_MS);
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
    if (completion.code !== undefined) {
      throw completion.toError();
    }
    const client = completion.key as Client;
    switch (completion.kind) {
      case 'connect':
        this.#connecting--;
        this.#handler.connected(socket, client);
        this.port.postReceive(socket);
        return;
      case 'receive':
        if (completion.bytes === 0) {
          throw new Error('Connection ended: found the end of the stream, wanted an answer');
        }
        this.#handler.received(socket, client, completion.data);
        if (!completion.more && !socket.closed) {
          this.port.postReceive(socket);
        }
        return;
      default:
        this.#handler.sent?.(socket, client);
    }
  }
}
