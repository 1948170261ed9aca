/** One run of a scenario: its network, its random choices, the state of its connections, and the failures found. */

import type { Engine } from 'overlapped';
import type { Framing } from 'overlapped/framing';
import { type ClockTimer, SimNetwork, type SimNetworkOptions } from 'overlapped/sim';
import { AuditedNetwork } from './audit.js';
import { Chance } from './chance.js';
import { type Coverage, emptyCoverage } from './coverage.js';
import { Link } from './flow.js';
import { chooseFraming } from './scenario.js';
import { hasTls, Security } from './secure.js';

/** An object that the world checks now and then, and asks to end. */
export interface Member {
  /** Its name, for messages. */
  readonly name: string;
  readonly over: boolean;
  /** Complains about what must not be so between turns. */
  inspect(): void;
  /** The end of the scenario has come. */
  windDown(): void;
}

export class World {
  readonly chance: Chance;
  /** For handlers that return promises: their chances leave the others as they are. */
  readonly #slowness: Chance;
  /** How often a handler of data returns a promise: never in most scenarios. */
  readonly #slowRate: number;
  /** Promises of handlers that are not settled. */
  handlersAtWork = 0;
  readonly network: SimNetwork;
  readonly audited: AuditedNetwork;
  readonly coverage: Coverage = emptyCoverage();
  readonly members = new Set<Member>();
  readonly engines: Engine[] = [];
  readonly #links = new Map<number, Link>();
  /** When everything was asked to end, in ms of the network's clock. */
  windDownAt = Infinity;
  /** The longest that anything may be on its way because of faults, in ms. */
  delayMsMax = 0;
  /** The largest single write, as an engine's cap may be exceeded by that much. */
  writeBytesMax = 0;
  /** How often an engine's sink was called with a handler's error. */
  sinkTold = 0;
  failure: Error | undefined;
  /** The framing of its servers and clients; undefined in most scenarios. */
  readonly framing: Framing<Buffer, Uint8Array> | undefined;
  /** TLS of its servers and clients; undefined in most scenarios. */
  readonly security: Security | undefined;
  readonly #timers = new Set<ClockTimer>();
  #onFailure: (error: Error) => void = () => undefined;

  constructor(seed: number, options: SimNetworkOptions) {
    // Not the network's own numbers once more.
    this.chance = new Chance(seed ^ 0x5ca1ab1e);
    this.#slowness = new Chance(seed ^ 0x0ddba11);
    this.#slowRate = this.#slowness.pick([0, 0, 0, 0.1, 0.5, 1]);
    this.network = new SimNetwork({ ...options, seed });
    this.audited = new AuditedNetwork(this.network, (message) => this.fail(message));
    this.framing = chooseFraming(new Chance(seed ^ 0x0f2a3e));
    this.security = hasTls(seed) ? new Security(this) : undefined;
  }

  now(): number {
    return this.network.now();
  }

  /** Records the first failure, and ends the run. */
  fail(message: string | Error): void {
    if (this.failure === undefined) {
      const error = message instanceof Error ? message : new Error(message);
      error.message = `${error.message} (at ${this.now().toFixed(3)} ms)`;
      this.failure = error;
      this.#onFailure(error);
    }
  }

  check(condition: boolean, message: () => string): void {
    if (!condition) {
      this.fail(message());
    }
  }

  onFailure(action: (error: Error) => void): void {
    this.#onFailure = action;
  }

  /** Runs something after a virtual delay. */
  after(delayMs: number, action: () => void): void {
    const timer = this.network.clock.setTimer(
      () => {
        this.#timers.delete(timer);
        try {
          action();
        } catch (error) {
          this.fail(error as Error);
        }
      },
      Math.max(0, Math.ceil(delayMs)),
    );
    this.#timers.add(timer);
  }

  /** How long a handler works, in ms; undefined when it is done at once. */
  handlerMs(): number | undefined {
    return !this.windingDown && this.#slowness.rate(this.#slowRate) ? this.#slowness.between(0, 40) : undefined;
  }

  /** The run is over: planned events do not happen any more. */
  stop(): void {
    for (const timer of this.#timers) {
      timer.clear();
    }
    this.#timers.clear();
  }

  get windingDown(): boolean {
    return this.windDownAt !== Infinity;
  }

  /** The connection whose client has this port: both ends know it by that. */
  linkOf(clientPort: number): Link {
    let link = this.#links.get(clientPort);
    if (link === undefined) {
      link = new Link(clientPort);
      this.#links.set(clientPort, link);
    }
    return link;
  }

  /** The link of a peer that does not speak the protocol of the scenario, if there is one: a framing, or TLS. */
  rawLinkOf(clientPort: number): Link {
    if (this.framing === undefined && this.security === undefined) {
      return this.linkOf(clientPort);
    }
    const known = this.#links.get(clientPort);
    if (known?.up.isForeign === true) {
      return known;
    }
    const link = new Link(clientPort, true);
    this.nameLink(clientPort, link);
    return link;
  }

  /** The bytes of a message with what the framing adds. */
  framedBytes(message: Uint8Array): number {
    if (this.framing === undefined) {
      return message.byteLength;
    }
    const [header] = this.framing.encode(message) as readonly Uint8Array[];
    return message.byteLength + (header as Uint8Array).byteLength;
  }

  /** The link has another port at its server. */
  nameLink(port: number, link: Link): void {
    this.#links.set(port, link);
  }

  inspect(): void {
    for (const member of this.members) {
      if (member.over) {
        this.members.delete(member);
      } else {
        member.inspect();
      }
    }
    for (const engine of this.engines) {
      this.check(engine.queuedBytes >= 0, () => `an engine has ${engine.queuedBytes} bytes queued`);
    }
  }
}
