/** Runs the scenario of one seed to its end, and returns the failure. */

import { Engine } from 'overlapped';
import type { SimListener } from 'overlapped/sim';
import { LINGERING } from '../../src/engine/connection-core/state.js';
import { Chance } from './chance.js';
import { Clients, type Target } from './clients.js';
import { type Coverage, count } from './coverage.js';
import { checkEngine } from './final-checks.js';
import { listenBetween } from './middlebox.js';
import { listenRaw, targetAt } from './raw-server.js';
import { bytesMaxOf, chooseEngine, chooseFaults, chooseSettings, longestDelayMs } from './scenario.js';
import { KINDS, WatchedServer } from './servers.js';
import { EngineSide } from './side.js';
import { World } from './world.js';

const SPAN_MS_MIN = 300;
const SPAN_MS_MAX = 6000;
const CLIENTS_MAX = 24;
const INSPECT_MS = 100;
const BETWEEN_RATE = 0.4;
/** Nobody listens there. */
const NOBODY = { host: '127.0.0.1', port: 9, isRaw: false, tls: true } as const;
/** After faults have stopped, well-behaved ends finish in this time, and all bytes in flight have arrived. */
const POLITE_MS = 200;
/** Everything ends this long after faults have stopped: longer than all timeouts of scenarios. */
const END_MS = 20_000;

export interface Outcome {
  readonly seed: number;
  readonly trace: string;
  readonly coverage: Coverage;
  readonly failure: Error | undefined;
}

class Run {
  readonly #world: World;
  readonly #spanMs: number;
  readonly #servers: WatchedServer[] = [];
  readonly #closesEngine: boolean;
  #clients: Clients | undefined;
  readonly #listeners: SimListener[] = [];
  /** Where clients reach the server through a middlebox, if it speaks TLS. */
  #between: Target | undefined;
  #polite: EngineSide[] = [];
  #finished: () => void = () => undefined;

  constructor(world: World) {
    this.#world = world;
    this.#spanMs = world.chance.size(SPAN_MS_MIN, SPAN_MS_MAX);
    this.#closesEngine = world.chance.rate(0.08);
  }

  async run(): Promise<void> {
    const world = this.#world;
    const ended = new Promise<void>((resolve) => {
      this.#finished = resolve;
      world.onFailure(() => resolve());
    });
    await this.#begin();
    this.#inspect();
    await ended;
    world.stop();
    for (const listener of this.#listeners) {
      listener.close();
    }
    if (world.failure === undefined) {
      this.#check();
    }
  }

  async #begin(): Promise<void> {
    const world = this.#world;
    const { chance } = world;
    const specs = Array.from({ length: chance.between(1, 2) }, () => chooseEngine(chance));
    const engines = specs.map(
      (spec) => new Engine({ ...spec, driver: world.audited, onHandlerError: () => world.sinkTold++ }),
    );
    world.engines.push(...engines);
    const framed = world.framing !== undefined;
    const settings = [chooseSettings(chance, framed), chooseSettings(chance, framed)] as const;
    const parts = { spanMs: this.#spanMs, bytesMax: bytesMaxOf(specs, settings) };
    const clients = new Clients(world, engines.at(-1) as Engine, parts);
    this.#clients = clients;
    const serverEngine = engines[0] as Engine;
    const kind = chance.pick(KINDS);
    const back = await WatchedServer.listen(world, serverEngine, {
      ...parts,
      name: 'back server',
      kind: chance.pick(['echo', 'careless echo']),
      settings: settings[1],
    });
    const front = await WatchedServer.listen(world, serverEngine, {
      ...parts,
      name: 'server',
      kind,
      settings: settings[0],
      behind: { clients, server: back },
    });
    this.#servers.push(front, back);
    this.#plan(clients, front, parts.bytesMax);
  }

  /** The times of events. */
  #plan(clients: Clients, server: WatchedServer, bytesMax: number): void {
    const world = this.#world;
    const { chance } = world;
    const raw = this.#listenBeside(server, bytesMax);
    for (let index = chance.size(1, CLIENTS_MAX); index > 0; index--) {
      const target = chance.rate(0.9) ? undefined : chance.rate(0.6) ? chance.pick(raw) : NOBODY;
      const isRaw = target === undefined && chance.rate(0.3);
      world.after(chance.between(0, Math.floor(this.#spanMs * 0.7)), () => {
        if (isRaw) {
          clients.connectRaw(server.target);
        } else {
          const between = this.#between !== undefined && chance.rate(BETWEEN_RATE) ? this.#between : undefined;
          clients.connect(target ?? between ?? server.target);
        }
      });
    }
    if (chance.rate(0.3)) {
      world.after(chance.between(0, this.#spanMs), () => this.#setFaults());
    }
    if (chance.rate(0.25)) {
      const deadlineMs = chance.pick([0, 50, 500, 2000]);
      world.after(chance.between(0, this.#spanMs), () => server.close(deadlineMs));
    }
    if (this.#closesEngine && chance.rate(0.6)) {
      world.after(chance.between(0, this.#spanMs), () => this.#closeEngines());
    }
    world.after(this.#spanMs, () => this.#windDown());
  }

  /** Listeners that are no engine's. @returns those that speak no protocol of the scenario's */
  #listenBeside({ target }: WatchedServer, bytesMax: number): readonly Target[] {
    const world = this.#world;
    const raw = listenRaw(world, bytesMax);
    this.#listeners.push(raw);
    if (world.security === undefined) {
      return [targetAt(raw, true, false)];
    }
    const between = listenBetween(world, target);
    const foreign = listenRaw(world, bytesMax, true);
    this.#listeners.push(between, foreign);
    this.#between = targetAt(between, false, true);
    return [targetAt(raw, true, false), targetAt(foreign, true, true)];
  }

  #setFaults(): void {
    const world = this.#world;
    if (!world.windingDown) {
      const faults = chooseFaults(world.chance);
      noteFaults(world, faults);
      world.network.faults = faults;
    }
  }

  #closeEngines(): void {
    const world = this.#world;
    count(world.coverage.marks, 'engine closed in mid-traffic');
    for (const server of this.#servers) {
      // Closing the engine closes its servers: this only reports when.
      server.close(END_MS);
    }
    const before = world.now();
    for (const engine of world.engines) {
      engine.close();
    }
    // It blocks until the network has completed the operations in flight: the others have waited.
    world.delayMsMax += world.now() - before;
  }

  /** Faults stop, and everybody is asked to come to an end. */
  #windDown(): void {
    const world = this.#world;
    const { chance } = world;
    world.network.faults = {};
    world.windDownAt = world.now();
    for (const member of [...world.members]) {
      member.windDown();
    }
    this.#clients?.abort();
    this.#polite = [...world.members].filter((member): member is EngineSide => isPolite(member));
    world.after(POLITE_MS + world.delayMsMax, () => this.#checkPolite());
    for (const server of this.#servers) {
      const deadlineMs = chance.pick([0, 100, 1000, 5000]);
      world.after(chance.pick([0, 0, POLITE_MS + world.delayMsMax + 1]), () => server.close(deadlineMs));
    }
    if (this.#closesEngine && chance.rate(0.5)) {
      this.#closeEngines();
    }
    world.after(END_MS, () => this.#checkEnded());
  }

  #checkPolite(): void {
    for (const side of this.#polite) {
      this.#world.check(side.over, () => `${side.name} is not over after faults have stopped`);
    }
  }

  #checkEnded(): void {
    const left = [...this.#world.members].filter(({ over }) => !over).map(({ name }) => name);
    const connects = this.#clients?.pending ?? 0;
    const servers = this.#servers.filter(({ closed }) => !closed).length;
    this.#world.fail(`not over: ${connects} connects, ${servers} servers, ${left.join(', ')}`);
  }

  /** Looks at everything, again and again, until all is over. */
  #inspect(): void {
    const world = this.#world;
    world.inspect();
    const over =
      world.windingDown &&
      this.#clients?.pending === 0 &&
      world.handlersAtWork === 0 &&
      this.#servers.every(({ closed }) => closed) &&
      [...world.members].every((member) => member.over);
    if (over) {
      // Sockets of attempts to connect that were given up close meanwhile.
      world.after(INSPECT_MS + world.delayMsMax, () => this.#finished());
    } else {
      world.after(INSPECT_MS, () => this.#inspect());
    }
  }

  #check(): void {
    const world = this.#world;
    for (const server of this.#servers) {
      server.checkCounters();
    }
    for (const engine of world.engines) {
      checkEngine(world, engine);
      engine.close();
    }
    world.security?.checkEnd();
    world.check(world.network.socketsOpen === 0, () => `${world.network.socketsOpen} sockets are left`);
    Object.assign(world.coverage.completions, world.audited.counts);
  }
}

/** Whether it reads nothing more, and sends for its linger time at most. */
function lingers({ connection }: EngineSide): boolean {
  return (connection.flags & LINGERING) !== 0;
}

/** Whether both ends of a connection are engines', and only their own end is awaited. */
function isPolite(member: unknown): member is EngineSide {
  return (
    member instanceof EngineSide &&
    !member.over &&
    member.incoming.sender instanceof EngineSide &&
    member.outgoing.copyOf === undefined &&
    !member.incoming.harmed &&
    !lingers(member) &&
    !lingers(member.incoming.sender)
  );
}

function noteFaults(world: World, faults: ReturnType<typeof chooseFaults>): void {
  world.delayMsMax = Math.max(world.delayMsMax, longestDelayMs(faults));
  for (const name of Object.keys(faults)) {
    count(world.coverage.faults, name);
  }
}

/** Runs a seed. An uncaught exception is a failure too. */
export async function runSeed(seed: number): Promise<Outcome> {
  const chance = new Chance(seed);
  const faults = chance.rate(0.1) ? {} : chooseFaults(chance);
  const world = new World(seed, { multishot: chance.rate(0.5), faults });
  noteFaults(world, faults);
  const onUncaught = (error: Error): void => world.fail(error);
  process.on('uncaughtException', onUncaught);
  try {
    await new Run(world).run();
    await new Promise((resolve) => setImmediate(resolve));
  } catch (error) {
    world.fail(error as Error);
  } finally {
    process.off('uncaughtException', onUncaught);
  }
  const { trace } = world.network;
  world.coverage.seeds = 1;
  world.coverage.events = Number.parseInt(trace, 10);
  return { seed, trace, coverage: world.coverage, failure: world.failure };
}
