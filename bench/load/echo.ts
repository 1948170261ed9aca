/** Messages that come back: ping-pong, with one or several in flight on each connection. */

import type { OverlappedSocket } from 'overlapped/port';
import { EchoClient } from '../../src/cli/bench/echo-client.js';
import type { MessageStream } from '../../src/cli/bench/stream.js';
import { messageStream, startOf } from './bytes.js';
import { DrivenPort, type Handler } from './driven-port.js';
import type { LoadOrder, Sample, Work } from './order.js';

type EchoWork = Extract<Work, { kind: 'echo' }>;

class Client extends EchoClient {
  readonly active: boolean;
  socket: OverlappedSocket | undefined;

  constructor(active: boolean, messages: MessageStream, start: number, pipeline: number) {
    super(messages, start, pipeline);
    this.active = active;
  }
}

class Echo implements Handler<Client> {
  readonly #work: EchoWork;
  readonly #driven: DrivenPort<Client>;
  readonly #messages: MessageStream;
  /** Each has had its first answer: those that are active begin. */
  #begun = false;

  constructor(order: LoadOrder, work: EchoWork) {
    this.#work = work;
    this.#driven = new DrivenPort(order, work.sizeBytes * work.pipeline, this);
    this.#messages = messageStream(work.sizeBytes);
  }

  run(): Sample {
    const { connections, active, pipeline } = this.#work;
    const clients = Array.from({ length: connections }, (_, index) => {
      // The active ones are spread over all.
      const isActive = Math.floor((index * active) / connections) !== Math.floor(((index + 1) * active) / connections);
      return new Client(isActive, this.#messages, startOf(this.#messages, index), pipeline);
    });
    this.#driven.connectAll(clients);
    this.#begun = true;
    for (const client of clients) {
      if (client.active) {
        this.#send(client.socket as OverlappedSocket, client, pipeline, performance.now() * 1000);
      }
    }
    const sample = this.#driven.measure({
      of: active,
      what: 'connections without all answers',
      missing: () => clients.filter(({ inFlight }) => inFlight > 0).length,
    });
    this.#driven.close();
    return sample;
  }

  connected(socket: OverlappedSocket, client: Client): void {
    client.socket = socket;
    // Connections that are silent later send one too, so that the server has accepted them.
    this.#send(socket, client, 1, 0);
  }

  received(socket: OverlappedSocket, client: Client, data: Buffer): void {
    const complete = client.take(data);
    if (complete > 0) {
      this.#returned(client, complete);
      if (!this.#begun) {
        this.#driven.heard();
      } else if (!this.#driven.window.over) {
        this.#send(socket, client, complete, this.#driven.window.now);
      }
    }
  }

  #returned(client: Client, count: number): void {
    const { window } = this.#driven;
    window.units += count;
    for (let index = 0; index < count; index++) {
      window.latencies.record(window.now - client.answered());
    }
  }

  /** Sends messages in one piece, as clients do that have several to send. */
  #send(socket: OverlappedSocket, client: Client, count: number, at: number): void {
    this.#driven.send(socket, client.send(count, at));
  }
}

export const echo = (order: LoadOrder, work: EchoWork): Sample => new Echo(order, work).run();
