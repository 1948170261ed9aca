/** A peer that is no engine's and keeps no manners: it may read slowly or never, trickle, stay half open, or break off. */

import type { SimEndpoint } from 'overlapped/sim';
import type { Chance } from './chance.js';
import { count } from './coverage.js';
import type { Flow, Sender } from './flow.js';
import { bytesAt } from './pattern.js';
import type { Member, World } from './world.js';

const READINGS = ['eager', 'eager', 'slow', 'never', 'stops'] as const;
const ENDS = ['end', 'end', 'close', 'reset', 'stay'] as const;

const READ_BYTES_MAX = 65_536;

export interface Manners {
  readonly reading: (typeof READINGS)[number];
  readonly readBytes: number;
  readonly bytes: number;
  readonly pieceBytesMax: number;
  /** Time between two pieces, or two reads of a slow reader. */
  readonly stepMs: number;
  readonly ends: (typeof ENDS)[number];
  /** How long it stays when it has said everything, in ms. */
  readonly staysMs: number;
  /** Whether it behaves when the scenario ends. */
  readonly cooperates: boolean;
}

export function chooseManners(chance: Chance, bytesMax: number): Manners {
  return {
    reading: chance.pick(READINGS),
    readBytes: chance.size(10, 20_000),
    bytes: chance.rate(0.15) ? 0 : chance.size(1, bytesMax),
    pieceBytesMax: chance.size(100, 20_000),
    stepMs: chance.size(1, 100),
    ends: chance.pick(ENDS),
    staysMs: chance.between(0, 500),
    cooperates: chance.rate(0.7),
  };
}

export class RawPeer implements Member, Sender {
  readonly name: string;
  readonly #world: World;
  readonly #endpoint: SimEndpoint;
  readonly #incoming: Flow;
  readonly #outgoing: Flow;
  readonly #manners: Manners;
  #reads: boolean;
  #saysMore = true;
  #ended = false;
  #stepping = false;
  readonly leavesWell = false;
  readonly hasSaidGoodbye = false;
  over = false;

  constructor(
    world: World,
    name: string,
    endpoint: SimEndpoint,
    flows: { incoming: Flow; outgoing: Flow },
    manners: Manners,
  ) {
    this.#world = world;
    this.name = name;
    this.#endpoint = endpoint;
    this.#incoming = flows.incoming;
    this.#outgoing = flows.outgoing;
    this.#outgoing.sender = this;
    this.#manners = manners;
    this.#reads = manners.reading !== 'never';
    world.members.add(this);
    count(world.coverage.roles, `raw peer that reads: ${manners.reading}`);
    endpoint.onChange = () => this.#changed();
    if (endpoint.state !== 'connecting') {
      this.#changed();
    }
    if (manners.reading === 'stops') {
      world.after(manners.staysMs, () => {
        this.#reads = world.windingDown;
      });
    }
  }

  get done(): boolean {
    return this.#ended || this.over;
  }

  #changed(): void {
    const { state, code } = this.#endpoint;
    if (this.over || state === 'connecting') {
      return;
    }
    if (state !== 'connected') {
      this.#close(`raw: ${code ?? 'closed'}`, false);
      return;
    }
    if (this.#manners.reading !== 'slow' || this.#world.windingDown) {
      this.#read(READ_BYTES_MAX);
    }
    if (this.#manners.stepMs <= 2) {
      this.#say();
    }
    this.#step();
  }

  /** Its actions, one after another. */
  #step(): void {
    if (this.#stepping || this.over || (!this.#saysMore && this.#manners.reading !== 'slow')) {
      return;
    }
    this.#stepping = true;
    this.#world.after(this.#manners.stepMs, () => {
      this.#stepping = false;
      if (!this.over && this.#endpoint.state === 'connected') {
        this.#read(this.#manners.readBytes);
        this.#say();
        if (this.#endpoint.readable > 0 || this.#saysMore) {
          this.#step();
        }
      }
    });
  }

  #read(bytesMax: number): void {
    while (this.#reads && this.#endpoint.readable > 0) {
      const bytes = this.#endpoint.read(bytesMax);
      this.#world.coverage.bytes += bytes.byteLength;
      this.#complain(this.#incoming.take(bytes));
      if (bytesMax < READ_BYTES_MAX) {
        break;
      }
    }
    if (this.#reads && this.#endpoint.ended && !this.#incoming.endSeen) {
      this.#complain(this.#incoming.end());
      if (this.#manners.ends !== 'stay' || this.#world.windingDown) {
        this.#end();
      }
    }
    if (this.#incoming.endSeen && this.#ended) {
      this.#close('raw: finished', false);
    }
  }

  #complain(wrong: string | undefined): void {
    if (wrong !== undefined) {
      this.#world.fail(`${this.name}: ${wrong}`);
    }
  }

  #say(): void {
    const { bytes, pieceBytesMax } = this.#manners;
    if (!this.#saysMore || this.over || this.#ended) {
      return;
    }
    const { start, written } = this.#outgoing;
    const byteLength = Math.min(this.#world.chance.size(1, pieceBytesMax), bytes - written, this.#endpoint.writable);
    if (byteLength > 0) {
      // Counted first: an engine may get them at once.
      this.#outgoing.written += byteLength;
      const taken = this.#endpoint.write(bytesAt(start, written, byteLength));
      this.#world.check(taken === byteLength, () => `${this.name}: the network took ${taken} of ${byteLength}`);
    }
    if (this.#outgoing.written === bytes) {
      this.#saysMore = false;
      this.#world.after(this.#manners.staysMs, () => this.#finish());
    }
  }

  #finish(): void {
    switch (this.over ? 'stay' : this.#manners.ends) {
      case 'end':
        this.#end();
        break;
      case 'close':
        this.#close('raw: closed', false);
        break;
      case 'reset':
        this.#close('raw: reset', true);
    }
  }

  #end(): void {
    if (!this.#ended && !this.over) {
      this.#ended = true;
      this.#endpoint.end();
      if (this.#incoming.endSeen) {
        this.#close('raw: finished', false);
      }
    }
  }

  #close(how: string, reset: boolean): void {
    if (!this.over) {
      this.over = true;
      count(this.#world.coverage.reasons, how);
      this.#endpoint.close({ reset });
    }
  }

  inspect(): void {
    this.#world.check(this.#endpoint.state !== 'closed', () => `${this.name}: somebody closed its endpoint`);
  }

  windDown(): void {
    if (this.over) {
      return;
    }
    if (this.#endpoint.state === 'connected' && this.#manners.cooperates) {
      this.#saysMore = false;
      this.#reads = true;
      this.#end();
      this.#changed();
    }
    // An end that never comes must not be waited for.
    this.#world.after(this.#world.chance.between(0, 1000), () =>
      this.#close('raw: left', this.#world.chance.rate(0.5)),
    );
  }
}
