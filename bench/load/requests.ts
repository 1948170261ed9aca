/**
 * Requests of clients, one in flight on each connection: each sent when the last one is answered; or at their due time, by
 * connections in turn. A latency then begins at the due time.
 */

import type { OverlappedSocket } from 'overlapped/port';
import { DrivenPort, type Handler } from './driven-port.js';
import type { Exchange } from './exchange.js';
import { AnswerCheck, HttpExchange } from './http.js';
import type { LoadOrder, Sample, Work } from './order.js';
import { framesOf, WebSocketExchange } from './websocket.js';

type RequestsWork = Extract<Work, { kind: 'requests' }>;

const SECOND_MICROSECONDS = 1e6;
/** The longest answer that comes at once. */
const ANSWER_BYTES = 2048;

interface Client {
  readonly exchange: Exchange;
  socket: OverlappedSocket | undefined;
  isWaiting: boolean;
  /** When its request was sent, or was due, in µs. */
  begunAt: number;
}

/** The connections' exchanges. */
function exchanges({ protocol, connections }: RequestsWork): readonly Exchange[] {
  const indexes = Array.from({ length: connections }, (_, index) => index);
  if (protocol.name === 'http') {
    const check = new AnswerCheck(protocol.body);
    return indexes.map(() => new HttpExchange(check));
  }
  const frames = framesOf(protocol.sizeBytes);
  return indexes.map((index) => new WebSocketExchange(frames, index));
}

class Requests implements Handler<Client> {
  readonly #driven: DrivenPort<Client>;
  readonly #clients: readonly Client[];
  /** Time between two requests; undefined where the next one follows an answer. */
  readonly #betweenMicroseconds: number | undefined;
  #begun = false;
  #dueAt = 0;
  #next = 0;

  constructor(order: LoadOrder, work: RequestsWork) {
    this.#driven = new DrivenPort(order, ANSWER_BYTES, this);
    this.#clients = exchanges(work).map((exchange) => ({ exchange, socket: undefined, isWaiting: false, begunAt: 0 }));
    this.#betweenMicroseconds = work.perSecond && SECOND_MICROSECONDS / work.perSecond;
  }

  run(): Sample {
    const clients = this.#clients;
    const isPaced = this.#betweenMicroseconds !== undefined;
    this.#driven.connectAll(clients);
    this.#begun = true;
    this.#dueAt = performance.now() * 1000;
    if (!isPaced) {
      for (const client of clients) {
        this.#ask(client, this.#dueAt);
      }
    }
    const rest = {
      of: clients.length,
      what: 'connections without an answer',
      missing: () => clients.filter(({ isWaiting }) => isWaiting).length,
    };
    const sample = this.#driven.measure(rest, isPaced ? () => this.#askDue() : undefined);
    this.#driven.close();
    return sample;
  }

  /** Sends the requests that are due, as far as connections are free: the others are late. */
  #askDue(): void {
    const { window } = this.#driven;
    while (this.#dueAt <= window.now && !window.over) {
      const client = this.#nextFree();
      if (client === undefined) {
        return;
      }
      this.#ask(client, this.#dueAt);
      this.#dueAt += this.#betweenMicroseconds as number;
    }
  }

  #nextFree(): Client | undefined {
    const { length } = this.#clients;
    for (let tries = 0; tries < length; tries++) {
      const client = this.#clients[this.#next] as Client;
      this.#next = (this.#next + 1) % length;
      if (!client.isWaiting) {
        return client;
      }
    }
    return undefined;
  }

  #ask(client: Client, at: number): void {
    client.begunAt = at;
    client.isWaiting = true;
    this.#driven.send(client.socket as OverlappedSocket, client.exchange.request());
  }

  connected(socket: OverlappedSocket, client: Client): void {
    client.socket = socket;
    this.#ask(client, 0);
  }

  received(_: OverlappedSocket, client: Client, data: Buffer): void {
    if (!client.isWaiting) {
      throw new Error(`Wrong answer: found ${data.length} bytes, wanted none without a request`);
    }
    if (!client.exchange.take(data)) {
      return;
    }
    client.isWaiting = false;
    const { window } = this.#driven;
    if (!this.#begun) {
      this.#driven.heard();
      return;
    }
    window.units++;
    window.latencies.record(window.now - client.begunAt);
    if (this.#betweenMicroseconds === undefined && !window.over) {
      this.#ask(client, window.now);
    }
  }
}

export const requests = (order: LoadOrder, work: RequestsWork): Sample => new Requests(order, work).run();
