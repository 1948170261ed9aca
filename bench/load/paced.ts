/**
 * Messages that are sent at their due time, whether earlier ones have been answered or not, by connections in turn: as
 * clients do that do not wait for each other. A latency begins at the due time, so that a stalled server is charged for
 * the messages whose sending it delayed.
 */

import type { OverlappedSocket } from 'overlapped/port';
import { EchoClient } from '../../src/cli/bench/echo-client.js';
import { messageStream, startOf } from './bytes.js';
import { DrivenPort, type Handler } from './driven-port.js';
import type { LoadOrder, Sample, Work } from './order.js';

type PacedWork = Extract<Work, { kind: 'paced' }>;

/** Messages in flight of one connection; messages that become due beyond that wait, and are late. */
const IN_FLIGHT_MAX = 64;
const SECOND_MICROSECONDS = 1e6;

class Client extends EchoClient {
  socket: OverlappedSocket | undefined;
}

class Paced implements Handler<Client> {
  readonly #driven: DrivenPort<Client>;
  readonly #clients: readonly Client[];
  readonly #betweenMicroseconds: number;
  #begun = false;
  /** When the next message is due, and whose it is. */
  #dueAt = 0;
  #next = 0;

  constructor(order: LoadOrder, { connections, perSecond, sizeBytes }: PacedWork) {
    this.#driven = new DrivenPort(order, sizeBytes, this);
    const messages = messageStream(sizeBytes);
    const client = (_: unknown, index: number): Client => new Client(messages, startOf(messages, index), IN_FLIGHT_MAX);
    this.#clients = Array.from({ length: connections }, client);
    this.#betweenMicroseconds = SECOND_MICROSECONDS / perSecond;
  }

  run(): Sample {
    const clients = this.#clients;
    this.#driven.connectAll(clients);
    this.#begun = true;
    this.#dueAt = performance.now() * 1000;
    const sample = this.#driven.measure(
      {
        of: clients.length,
        what: 'connections without all answers',
        missing: () => clients.filter(({ inFlight }) => inFlight > 0).length,
      },
      () => this.#sendDue(),
    );
    this.#driven.close();
    return sample;
  }

  #sendDue(): void {
    const { window } = this.#driven;
    while (this.#dueAt <= window.now && !window.over) {
      const client = this.#clients[this.#next] as Client;
      if (client.inFlight === IN_FLIGHT_MAX) {
        return;
      }
      this.#next = (this.#next + 1) % this.#clients.length;
      this.#send(client, this.#dueAt);
      this.#dueAt += this.#betweenMicroseconds;
    }
  }

  #send(client: Client, dueAt: number): void {
    this.#driven.send(client.socket as OverlappedSocket, client.send(1, dueAt));
  }

  connected(socket: OverlappedSocket, client: Client): void {
    client.socket = socket;
    this.#send(client, 0);
  }

  received(_: OverlappedSocket, client: Client, data: Buffer): void {
    const complete = client.take(data);
    const { window } = this.#driven;
    for (let index = 0; index < complete; index++) {
      const dueAt = client.answered();
      if (this.#begun) {
        window.latencies.record(window.now - dueAt);
        window.units++;
      } else {
        this.#driven.heard();
      }
    }
  }
}

export const paced = (order: LoadOrder, work: PacedWork): Sample => new Paced(order, work).run();
