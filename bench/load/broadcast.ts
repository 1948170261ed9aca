/** One member speaks, and all hear it: each of them is checked, the one that spoke too. */

import type { OverlappedSocket } from 'overlapped';
import { MessageStream } from './bytes.js';
import { DrivenPort, type Handler } from './driven-port.js';
import type { LoadOrder, Sample, Work } from './order.js';

type BroadcastWork = Extract<Work, { kind: 'broadcast' }>;

/** What a server says to each new member: without it, one might not be a member yet when the first message is spoken. */
const WELCOME = '!'.charCodeAt(0);

interface Member {
  socket: OverlappedSocket | undefined;
  welcome: boolean;
  place: number;
}

class Broadcast implements Handler<Member> {
  readonly #work: BroadcastWork;
  readonly #driven: DrivenPort<Member>;
  readonly #messages: MessageStream;
  readonly #members: readonly Member[];
  #welcomes = 0;
  #spoken = 0;
  #heard = 0;
  #bytes = 0;
  /** When each burst in flight was spoken, in a ring. */
  readonly #spokenAt: Float64Array;

  constructor(order: LoadOrder, work: BroadcastWork) {
    this.#work = work;
    this.#driven = new DrivenPort(order, work.sizeBytes, this);
    this.#messages = new MessageStream(work.sizeBytes);
    this.#members = Array.from({ length: work.members }, () => ({ socket: undefined, welcome: false, place: 0 }));
    this.#spokenAt = new Float64Array(work.inFlight);
  }

  run(): Sample {
    this.#driven.connectAll(this.#members);
    this.#driven.waitUntil('welcomes', () => this.#welcomes === this.#members.length);
    while (this.#spoken < this.#work.inFlight) {
      this.#speak();
    }
    this.#driven.measure();
    return this.#driven.window.sample();
  }

  connected(socket: OverlappedSocket, member: Member): void {
    member.socket = socket;
  }

  received(_: OverlappedSocket, member: Member, data: Buffer): void {
    let heard = data;
    if (!member.welcome && data[0] === WELCOME) {
      member.welcome = true;
      this.#welcomes++;
      heard = data.subarray(1);
    }
    member.place = this.#messages.passed(heard, member.place);
    this.#bytes += heard.length;
    const { sizeBytes, members, burst } = this.#work;
    const { window } = this.#driven;
    window.units = Math.floor(this.#bytes / sizeBytes);
    for (; (this.#heard + 1) * members * burst * sizeBytes <= this.#bytes; this.#heard++) {
      window.latencies.record(window.now - (this.#spokenAt[this.#heard % this.#spokenAt.length] as number));
      this.#speak();
    }
  }

  #speak(): void {
    const { port, window } = this.#driven;
    const { sizeBytes, burst, inFlight } = this.#work;
    const place = (this.#spoken * burst * sizeBytes) % this.#messages.periodBytes;
    port.postSend(this.#members[0]?.socket as OverlappedSocket, this.#messages.messages(place, burst));
    this.#spokenAt[this.#spoken % inFlight] = window.now;
    this.#spoken++;
  }
}

export const broadcast = (order: LoadOrder, work: BroadcastWork): Sample => new Broadcast(order, work).run();
