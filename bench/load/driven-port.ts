/** The load's completion port: blocking, on the thread that it has for itself. */

import { type Completion, CompletionBatch, CompletionPort, type OverlappedSocket } from 'overlapped';
import type { LoadOrder } from './order.js';
import { Window } from './window.js';

/** The longest sleep between two looks at the clock, in ms. */
const WAIT_MS = 20;
/** Connections that are being made at one time: fewer than any server's backlog. */
const CONNECTS_IN_FLIGHT = 100;
const CONNECT_TIMEOUT_MS = 20_000;

/** Told of what happens on a connection whose completion key is a `Client`. */
export interface Handler<Client> {
  /** A connection is made, and nothing posted on it yet. */
  connected(socket: OverlappedSocket, client: Client): void;
  received(socket: OverlappedSocket, client: Client, data: Buffer): void;
  sent?(socket: OverlappedSocket, client: Client): void;
}

export class DrivenPort<Client> {
  readonly port = CompletionPort.create({ bufferSizeBytes: 65536, buffersMax: 1024 });
  readonly window: Window;
  readonly #handler: Handler<Client>;
  readonly #order: LoadOrder;
  readonly #batch = new CompletionBatch();
  #connecting = 0;

  constructor(order: LoadOrder, handler: Handler<Client>) {
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

  /** Connects all clients, then waits until `ready` says so. */
  connectAll(clients: readonly Client[], ready: () => boolean = () => true): void {
    const deadline = performance.now() + CONNECT_TIMEOUT_MS;
    let next = 0;
    while (next < clients.length || this.#connecting > 0 || !ready()) {
      while (this.#connecting < CONNECTS_IN_FLIGHT && next < clients.length) {
        this.connect(clients[next++] as Client);
      }
      this.#turn();
      if (performance.now() > deadline) {
        throw new Error(`Cannot connect: found ${next} of ${clients.length} begun in ${CONNECT_TIMEOUT_MS} ms`);
      }
    }
  }

  /** Measures, from now on, until the time is over. */
  measure(): void {
    this.window.open();
    while (!this.window.over) {
      this.#turn();
    }
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
