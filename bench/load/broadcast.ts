/** One member sends, and all receive: each received byte is checked, the sender's too. */

import type { OverlappedSocket } from 'overlapped/port';
import type { MessageStream } from '../../src/cli/bench/stream.js';
import { messageStream } from './bytes.js';
import { DrivenPort, type Handler } from './driven-port.js';
import type { LoadOrder, Sample, Work } from './order.js';

type BroadcastWork = Extract<Work, { kind: 'broadcast' }>;

/** A server's message to each new member. Without it, one might not be a member yet when the first message is sent. */
const WELCOME = '!'.charCodeAt(0);

interface Member {
  socket: OverlappedSocket | undefined;
  welcome: boolean;
  place: number;
  /** Bursts that it has received completely, and the missing bytes of the next one. */
  heard: number;
  missingBytes: number;
}

class Broadcast implements Handler<Member> {
  readonly #work: BroadcastWork;
  readonly #driven: DrivenPort<Member>;
  readonly #messages: MessageStream;
  readonly #members: readonly Member[];
  #spoken = 0;
  #bytes = 0;
  readonly #burstBytes: number;
  /** When each burst in flight was sent, in a ring, and how many members have not received it completely. */
  readonly #spokenAt: Float64Array;
  readonly #waitingFor: Uint32Array;

  constructor(order: LoadOrder, work: BroadcastWork) {
    this.#work = work;
    this.#driven = new DrivenPort(order, work.sizeBytes, this);
    this.#messages = messageStream(work.sizeBytes);
    this.#burstBytes = work.burst * work.sizeBytes;
    this.#members = Array.from({ length: work.members }, () => ({
      socket: undefined,
      welcome: false,
      place: 0,
      heard: 0,
      missingBytes: this.#burstBytes,
    }));
    this.#spokenAt = new Float64Array(work.inFlight);
    this.#waitingFor = new Uint32Array(work.inFlight);
  }

  run(): Sample {
    this.#driven.connectAll(this.#members);
    while (this.#spoken < this.#work.inFlight) {
      this.#speak();
    }
    const sample = this.#driven.measure({
      of: this.#members.length,
      what: 'members that have not heard all',
      missing: () => this.#members.filter(({ heard }) => heard < this.#spoken).length,
    });
    this.#driven.close();
    return sample;
  }

  connected(socket: OverlappedSocket, member: Member): void {
    member.socket = socket;
  }

  received(_: OverlappedSocket, member: Member, data: Buffer): void {
    let heard = data;
    if (!member.welcome && data[0] === WELCOME) {
      member.welcome = true;
      this.#driven.heard();
      heard = data.subarray(1);
    }
    member.place = this.#messages.passed(heard, member.place);
    this.#bytes += heard.length;
    this.#driven.window.units = Math.floor(this.#bytes / this.#work.sizeBytes);
    member.missingBytes -= heard.length;
    for (; member.missingBytes <= 0; member.missingBytes += this.#burstBytes) {
      this.#heardBy(member.heard++ % this.#work.inFlight);
    }
  }

  /** One more member has received the burst at this index of the rings. */
  #heardBy(index: number): void {
    const waiting = (this.#waitingFor[index] as number) - 1;
    this.#waitingFor[index] = waiting;
    if (waiting === 0) {
      const { window } = this.#driven;
      window.latencies.record(window.now - (this.#spokenAt[index] as number));
      if (!window.over) {
        this.#speak();
      }
    }
  }

  #speak(): void {
    const { window } = this.#driven;
    const { burst, inFlight } = this.#work;
    const place = (this.#spoken * this.#burstBytes) % this.#messages.periodBytes;
    this.#driven.send(this.#members[0]?.socket as OverlappedSocket, this.#messages.messages(place, burst));
    this.#spokenAt[this.#spoken % inFlight] = window.now;
    this.#waitingFor[this.#spoken % inFlight] = this.#members.length;
    this.#spoken++;
  }
}

export const broadcast = (order: LoadOrder, work: BroadcastWork): Sample => new Broadcast(order, work).run();
