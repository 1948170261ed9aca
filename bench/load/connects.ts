/** Connections that are made, echo one message and are closed by the client; each is followed by another. */

import type { OverlappedSocket } from 'overlapped/port';
import type { MessageStream } from '../../src/cli/bench/stream.js';
import { descriptorsOpen } from '../measuring.js';
import { messageStream, startOf } from './bytes.js';
import { DrivenPort, type Handler } from './driven-port.js';
import type { LoadOrder, Sample, Work } from './order.js';
import { ownAddresses } from './own-addresses.js';

type ConnectsWork = Extract<Work, { kind: 'connects' }>;

/** How long a server may take to close its side of the last connections. */
const CLOSE_TIMEOUT_MS = 5000;
/** Each closed connection keeps its address for a minute: the addresses of this many hosts last for two million connections. */
const HOSTS = 80;
/** They go on where the last order's have ended. */
const addresses = ownAddresses(HOSTS);
/** Descriptors that a server may have opened for itself, once for all. */
const DESCRIPTORS_MORE_MAX = 8;

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
  readonly #pid: number;
  #begun = 0;
  #done = 0;

  constructor(order: LoadOrder, work: ConnectsWork) {
    this.#pid = order.pid;
    this.#work = work;
    this.#driven = new DrivenPort(order, work.sizeBytes, this);
    this.#messages = messageStream(work.sizeBytes);
  }

  run(): Sample {
    const { inFlight } = this.#work;
    const descriptorsMax = descriptorsOpen(this.#pid) + DESCRIPTORS_MORE_MAX;
    for (let index = 0; index < inFlight; index++) {
      this.#driven.connect(this.#next(), addresses);
    }
    const sample = this.#driven.measure({
      of: inFlight,
      what: 'connections without all answers',
      missing: () => this.#begun - this.#done,
    });
    this.#waitForClosing(descriptorsMax);
    this.#driven.close();
    return sample;
  }

  /** A server that never closes its side does less than the others. */
  #waitForClosing(descriptorsMax: number): void {
    if (!this.#driven.turnUntil(CLOSE_TIMEOUT_MS, () => descriptorsOpen(this.#pid) <= descriptorsMax)) {
      throw new Error(
        `Connections left open: found ${descriptorsOpen(this.#pid)} descriptors of the server ${CLOSE_TIMEOUT_MS} ms after the last connection, wanted at most ${descriptorsMax}`,
      );
    }
  }

  #next(): Client {
    const start = startOf(this.#messages, this.#begun++);
    return { start, place: start, bytes: 0, begunAt: this.#driven.window.now };
  }

  connected(socket: OverlappedSocket, client: Client): void {
    this.#driven.send(socket, this.#messages.messages(client.start, 1));
  }

  received(socket: OverlappedSocket, client: Client, data: Buffer): void {
    const { window } = this.#driven;
    client.place = this.#messages.passed(data, client.place);
    client.bytes += data.length;
    if (client.bytes === this.#work.sizeBytes) {
      window.units++;
      window.latencies.record(window.now - client.begunAt);
      this.#driven.closeSocket(socket);
      this.#done++;
      if (!window.over) {
        this.#driven.connect(this.#next(), addresses);
      }
    }
  }
}

export const connects = (order: LoadOrder, work: ConnectsWork): Sample => new Connects(order, work).run();
