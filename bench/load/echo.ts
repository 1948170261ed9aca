/** Messages that come back: ping-pong, with one or several in flight on each connection. */

import type { OverlappedSocket } from 'overlapped/port';
import { MessageReader, MessageStream } from './bytes.js';
import { DrivenPort, type Handler } from './driven-port.js';
import type { LoadOrder, Sample, Work } from './order.js';

type EchoWork = Extract<Work, { kind: 'echo' }>;

class Client {
  readonly active: boolean;
  /** Where in the stream of messages it sends. */
  sendPlace: number;
  readonly reader: MessageReader;
  /** When each message in flight was sent, in a ring. */
  readonly sentAt: Float64Array;
  oldest = 0;
  /** Messages in flight. */
  unanswered = 0;
  socket: OverlappedSocket | undefined;

  constructor(active: boolean, messages: MessageStream, place: number, pipeline: number) {
    this.active = active;
    this.sendPlace = place;
    this.reader = new MessageReader(messages, place);
    this.sentAt = new Float64Array(pipeline);
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
    this.#messages = new MessageStream(work.sizeBytes);
  }

  run(): Sample {
    const { connections, active, pipeline } = this.#work;
    const clients = Array.from({ length: connections }, (_, index) => {
      // The active ones are spread over all.
      const isActive = Math.floor((index * active) / connections) !== Math.floor(((index + 1) * active) / connections);
      return new Client(isActive, this.#messages, this.#messages.startOf(index), pipeline);
    });
    this.#driven.connectAll(clients);
    this.#begun = true;
    for (const client of clients) {
      if (client.active) {
        client.sentAt.fill(performance.now() * 1000);
        this.#send(client.socket as OverlappedSocket, client, pipeline);
      }
    }
    const sample = this.#driven.measure({
      of: active,
      what: 'connections without all answers',
      missing: () => clients.filter(({ unanswered }) => unanswered > 0).length,
    });
    this.#driven.close();
    return sample;
  }

  connected(socket: OverlappedSocket, client: Client): void {
    client.socket = socket;
    // Also of those that are silent later: so that the server has them.
    this.#send(socket, client, 1);
  }

  received(socket: OverlappedSocket, client: Client, data: Buffer): void {
    const complete = client.reader.take(data);
    if (complete > 0) {
      this.#returned(client, complete);
      if (!this.#begun) {
        this.#driven.heard();
      } else if (!this.#driven.window.over) {
        this.#send(socket, client, complete);
      }
    }
  }

  #returned(client: Client, count: number): void {
    const { window } = this.#driven;
    window.units += count;
    client.unanswered -= count;
    const { sentAt } = client;
    for (let index = 0; index < count; index++) {
      window.latencies.record(window.now - (sentAt[client.oldest] as number));
      sentAt[client.oldest] = window.now;
      client.oldest = client.oldest + 1 === sentAt.length ? 0 : client.oldest + 1;
    }
  }

  /** Messages in one piece, as clients send that have several to send. */
  #send(socket: OverlappedSocket, client: Client, count: number): void {
    this.#driven.port.postSend(socket, this.#messages.messages(client.sendPlace, count));
    client.unanswered += count;
    client.sendPlace = (client.sendPlace + count * this.#work.sizeBytes) % this.#messages.periodBytes;
  }
}

export const echo = (order: LoadOrder, work: EchoWork): Sample => new Echo(order, work).run();
