/** Connections that are made, echo one message and are closed by the client; each is followed by another. */

import type { OverlappedSocket } from 'overlapped';
import { MessageStream } from './bytes.js';
import { DrivenPort, type Handler } from './driven-port.js';
import type { LoadOrder, Sample, Work } from './order.js';

type ConnectsWork = Extract<Work, { kind: 'connects' }>;

interface Client {
  /** Where its message begins, and where its answer has arrived. */
  start: number;
  place: number;
  bytes: number;
  begunAt: number;
}

class Connects implements Handler<Client> {
  readonly #work: ConnectsWork;
  readonly #driven: DrivenPort<Client>;
  readonly #messages: MessageStream;
  #begun = 0;

  constructor(order: LoadOrder, work: ConnectsWork) {
    this.#work = work;
    this.#driven = new DrivenPort(order, work.sizeBytes, this);
    this.#messages = new MessageStream(work.sizeBytes);
  }

  run(): Sample {
    const { window } = this.#driven;
    for (let index = 0; index < this.#work.inFlight; index++) {
      this.#driven.connect(this.#next());
    }
    this.#driven.measure();
    return window.sample();
  }

  #next(): Client {
    const start = this.#messages.startOf(this.#begun++);
    return { start, place: start, bytes: 0, begunAt: this.#driven.window.now };
  }

  connected(socket: OverlappedSocket, client: Client): void {
    this.#driven.port.postSend(socket, this.#messages.messages(client.start, 1));
  }

  received(socket: OverlappedSocket, client: Client, data: Buffer): void {
    const { port, window } = this.#driven;
    client.place = this.#messages.passed(data, client.place);
    client.bytes += data.length;
    if (client.bytes === this.#work.sizeBytes) {
      window.units++;
      window.latencies.record(window.now - client.begunAt);
      port.closeSocket(socket);
      this.#driven.connect(this.#next());
    }
  }
}

export const connects = (order: LoadOrder, work: ConnectsWork): Sample => new Connects(order, work).run();
