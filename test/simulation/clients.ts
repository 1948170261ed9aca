/** The clients of a scenario: connections of an engine, and raw peers without one. */

import { type Connection, type ConnectOptions, connect, type Engine, type Server } from 'overlapped';
import type { Chance } from './chance.js';
import { count } from './coverage.js';
import { watchedHandlers } from './handlers.js';
import { Meddler, Thrower } from './meddling.js';
import { chooseManners, RawPeer } from './raw-peer.js';
import { chooseSpeech, type Role, Sink, Talker } from './roles.js';
import { chooseSettings } from './scenario.js';
import { EngineSide } from './side.js';
import type { World } from './world.js';

const CONNECT_TIMEOUT_MS_MAX = 3000;
/** This much later than a limit is no failure: the rounding of its ticks, and the round that applies it. */
const LATE_MS = 100;

/** Adds unexpected actions to a role, some times. */
export function disturbed(role: Role, chance: Chance, spanMs: number): Role {
  if (chance.rate(0.1)) {
    return new Thrower(role, chance);
  }
  return chance.rate(0.4)
    ? new Meddler(role, { eventRate: chance.pick([0, 0.02, 0.2]), timesMax: chance.between(1, 6), spanMs })
    : role;
}

/** Where clients connect to. */
export interface Target {
  readonly host: string;
  readonly port: number;
  /** Whether a listener without an engine is there. */
  readonly isRaw: boolean;
  /** Whether clients speak TLS there, if the scenario has it. */
  readonly tls: boolean;
}

export class Clients {
  readonly #world: World;
  readonly #engine: Engine;
  readonly #spanMs: number;
  readonly #bytesMax: number;
  readonly #aborts = new Set<AbortController>();
  #names = 0;
  /** Connects that are not settled. */
  pending = 0;
  /** Connects that failed. */
  failed = 0;

  constructor(world: World, engine: Engine, parts: { readonly spanMs: number; readonly bytesMax: number }) {
    this.#world = world;
    this.#engine = engine;
    this.#spanMs = parts.spanMs;
    this.#bytesMax = parts.bytesMax;
  }

  chooseRole(): Role {
    const { chance } = this.#world;
    const role = chance.rate(0.15) ? new Sink() : new Talker(chooseSpeech(chance, this.#bytesMax));
    return disturbed(role, chance, this.#spanMs);
  }

  /** A raw peer without an engine connects. */
  connectRaw({ host, port }: Target): void {
    const { chance } = this.#world;
    const endpoint = this.#world.network.connect({ family: host.includes(':') ? 'ipv6' : 'ipv4', address: host, port });
    const { localAddress } = endpoint;
    const clientPort = localAddress.family === 'unix' ? 0 : localAddress.port;
    const link = this.#world.rawLinkOf(clientPort);
    new RawPeer(
      this.#world,
      `raw peer ${++this.#names}`,
      endpoint,
      { incoming: link.down, outgoing: link.up },
      chooseManners(chance, this.#bytesMax),
    );
  }

  /** An engine's client connects, in one of the ways that there are. */
  connect(target: Target, role: Role = this.chooseRole(), onFailure: () => void = () => undefined): void {
    const { chance } = this.#world;
    const abort = new AbortController();
    const connectMs = chance.rate(0.5) ? chance.size(20, CONNECT_TIMEOUT_MS_MAX) : CONNECT_TIMEOUT_MS_MAX;
    if (chance.rate(0.15)) {
      this.#world.after(chance.between(0, 300), () => abort.abort());
    }
    const name = `client ${++this.#names}`;
    const { framing } = this.#world;
    const settings = chooseSettings(chance, framing !== undefined);
    const security = target.tls ? this.#world.security : undefined;
    const options: ConnectOptions<EngineSide> = {
      ...settings,
      ...(security === undefined ? {} : { tls: security.ofClient() }),
      ...this.#addressOf(target),
      engine: this.#engine,
      timeouts: { ...settings.timeouts, connectMs },
      attemptDelayMs: chance.pick([10, 50, 250]),
      signal: abort.signal,
      ...(framing === undefined ? {} : { framing }),
      ...watchedHandlers(
        (connection) => this.#sideOf(name, connection, { role, target, signal: abort.signal }),
        framing !== undefined,
      ),
    };
    this.#aborts.add(abort);
    void this.#watch(name, options, connectMs + (security?.openMs ?? 0), onFailure).finally(() =>
      this.#aborts.delete(abort),
    );
  }

  /** The target's own address, or a name that also has addresses without a listener. */
  #addressOf({ host, port }: Target): Pick<ConnectOptions, 'host' | 'port' | 'lookup'> {
    const { chance } = this.#world;
    if (chance.rate(0.7)) {
      return { host, port };
    }
    const others = ['::1', '127.0.0.1', '127.0.0.2', '192.0.2.1', '2001:db8::1'].filter(() => chance.rate(0.4));
    const addresses = [...others, host].map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    return {
      host: 'server.test',
      port,
      lookup: (_name, _options, callback) => {
        if (chance.rate(0.05)) {
          callback(Object.assign(new Error('No such name'), { code: 'ENOTFOUND' }), []);
        } else {
          this.#world.after(chance.between(0, 50), () => callback(null, addresses));
        }
      },
    };
  }

  #sideOf(
    name: string,
    connection: Connection<EngineSide>,
    { role, target, signal }: { readonly role: Role; readonly target: Target; readonly signal: AbortSignal },
  ): EngineSide {
    const { localAddress } = connection;
    const port = localAddress.family === 'unix' ? 0 : localAddress.port;
    const link = target.isRaw ? this.#world.rawLinkOf(port) : this.#world.linkOf(port);
    const side = new EngineSide(this.#world, { name, connection, incoming: link.down, outgoing: link.up, role });
    // The engine listened to the signal before, and has destroyed the connection by then.
    signal.addEventListener('abort', () => side.destroyedBySignal());
    return side;
  }

  async #watch(
    name: string,
    options: ConnectOptions<EngineSide>,
    timeoutMs: number,
    onFailure: () => void,
  ): Promise<void> {
    const world = this.#world;
    const began = world.now();
    this.pending++;
    try {
      const connection = await connect(options);
      world.check(connection.context instanceof EngineSide, () => `${name}: connected, and open was not told`);
      count(world.coverage.marks, 'connected');
    } catch (error) {
      this.failed++;
      // That of an AbortError is a number of the DOM.
      const { code, name: kind } = error as NodeJS.ErrnoException;
      count(world.coverage.errors, `connect: ${typeof code === 'string' ? code : kind}`);
      if (error instanceof TypeError || error instanceof ReferenceError) {
        world.fail(error);
      }
      onFailure();
    }
    this.pending--;
    world.check(
      world.now() - began <= timeoutMs + world.delayMsMax + LATE_MS,
      () => `${name}: connecting took ${world.now() - began} of ${timeoutMs} ms`,
    );
  }

  /** Gives up all connects that are not settled. */
  abort(): void {
    for (const abort of this.#aborts) {
      abort.abort();
    }
  }
}

/** Where a client may reach a server. */
export function targetOf(server: Server<EngineSide>, chance: Chance): Target {
  const { address } = server;
  if (address.family === 'unix') {
    throw new TypeError('The server has a path');
  }
  const host = address.address === '::' ? chance.pick(['127.0.0.1', '::1']) : address.address;
  return { host, port: address.port, isRaw: false, tls: true };
}
