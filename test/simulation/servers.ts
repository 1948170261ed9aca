/** A server of a scenario: what its connections do, and whether its counters are right in the end. */

import { CLOSE_REASONS, type CloseReason, type Connection, type Engine, listen, type Server } from 'overlapped';
import { type Clients, disturbed, type Target, targetOf } from './clients.js';
import type { Counts } from './coverage.js';
import { count } from './coverage.js';
import { Link } from './flow.js';
import { SHUTDOWN_HANDLER, watchedHandlers } from './handlers.js';
import { FrontLeg } from './proxy.js';
import { Broadcaster, chooseSpeech, Echo, type Role, Sink, Talker } from './roles.js';
import { chooseServerLimits, type chooseSettings } from './scenario.js';
import { EngineSide } from './side.js';
import type { World } from './world.js';

export const KINDS = ['echo', 'careless echo', 'sink', 'source', 'broadcast', 'proxy', 'mixed', 'mixed'] as const;
export type Kind = (typeof KINDS)[number];

/** A close may take this much longer than its deadline: the rounding of its ticks, and rounds. */
const LATE_MS = 150;

const REFUSALS: readonly CloseReason[] = ['connections_max', 'address_connections_max'];

/** Reasons to close a connection whose handshake is not done. */
const OF_HANDSHAKES: readonly CloseReason[] = [
  'drain_deadline',
  'engine_closed',
  'engine_held_full',
  'handshake_timeout',
  'held_full',
  'peer_reset',
  'tls_error',
];

export interface ServerSpec {
  readonly name: string;
  readonly kind: Kind;
  readonly settings: ReturnType<typeof chooseSettings>;
  readonly spanMs: number;
  readonly bytesMax: number;
  /** The server that proxies connect to, with the clients that do it. */
  readonly behind?: { readonly clients: Clients; readonly server: WatchedServer };
}

export class WatchedServer {
  readonly server: Server<EngineSide>;
  readonly #world: World;
  readonly #sides: readonly EngineSide[];
  #closeBegan = Infinity;
  #deadlineMs = Infinity;
  closed = false;

  private constructor(world: World, server: Server<EngineSide>, sides: readonly EngineSide[]) {
    this.#world = world;
    this.server = server;
    this.#sides = sides;
  }

  static async listen(world: World, engine: Engine, spec: ServerSpec): Promise<WatchedServer> {
    const { chance } = world;
    const sides: EngineSide[] = [];
    const roles = new Roles(world, spec);
    const sideOf = (connection: Connection<EngineSide>): EngineSide => {
      const link = linkOfAccepted(world, connection);
      const role = roles.choose();
      const name = `${spec.name} connection ${sides.length + 1}`;
      const side = new EngineSide(world, { name, connection, incoming: link.up, outgoing: link.down, role });
      sides.push(side);
      return side;
    };
    const { limits, backlog } = chooseServerLimits(chance);
    const server = await listen<EngineSide>({
      ...spec.settings,
      ...backlog,
      limits: { ...spec.settings.limits, ...limits },
      host: chance.pick(['127.0.0.1', '127.0.0.1', '::', '::1']),
      port: 0,
      engine,
      ...(world.security === undefined ? {} : { tls: world.security.ofServer() }),
      ...(world.framing === undefined ? {} : { framing: world.framing }),
      ...watchedHandlers(sideOf, world.framing !== undefined),
      ...(chance.rate(0.3) ? SHUTDOWN_HANDLER : {}),
    });
    return new WatchedServer(world, server, sides);
  }

  get target(): Target {
    return targetOf(this.server, this.#world.chance);
  }

  /** Closes it, with a deadline that it must keep. A second close may have another one. */
  close(deadlineMs: number): void {
    const world = this.#world;
    const first = this.#closeBegan === Infinity;
    this.#closeBegan = Math.min(this.#closeBegan, world.now());
    this.#deadlineMs = world.now() - this.#closeBegan + deadlineMs;
    count(world.coverage.marks, first ? 'server closed' : 'server closed again');
    const closed = this.server.close({ deadlineMs });
    if (first) {
      void closed.then(() => {
        this.closed = true;
        const tookMs = world.now() - this.#closeBegan;
        world.check(
          tookMs <= this.#deadlineMs + world.delayMsMax + LATE_MS,
          () => `the close of a server took ${tookMs} of ${this.#deadlineMs} ms`,
        );
        world.check(
          this.#sides.every(({ over }) => over),
          () => 'a server is closed before its connections',
        );
      });
    }
  }

  get closing(): boolean {
    return this.#closeBegan !== Infinity;
  }

  /** In the end: whether what the server counted is what happened. */
  checkCounters(): void {
    const { connections, bytesRead, bytesWritten, messagesRead, handlerErrors, tls } = this.server.statistics();
    const world = this.#world;
    const sum = (of: (side: EngineSide) => number): number => this.#sides.reduce((total, side) => total + of(side), 0);
    const expect = (what: string, found: number, wanted: number): void =>
      world.check(found === wanted, () => `the server counts ${found} ${what}, and there were ${wanted}`);
    const reasons: Counts = {};
    for (const { reason } of this.#sides) {
      count(reasons, reason ?? 'none');
    }
    expect('connections opened', connections.opened, this.#sides.length + tls.failed);
    expect('connections closed', connections.closed, this.#sides.length + tls.failed);
    expect('handshakes', tls.handshakes, world.security === undefined ? 0 : this.#sides.length);
    let unopened = 0;
    for (const reason of CLOSE_REASONS) {
      const refused = REFUSALS.includes(reason);
      const closes = connections.closesByReason[reason];
      if (refused) {
        count(world.coverage.reasons, reason, closes);
      } else if (tls.failed > 0 && OF_HANDSHAKES.includes(reason)) {
        const more = closes - (reasons[reason] ?? 0);
        world.check(more >= 0, () => `the server counts ${closes} closes as ${reason}, ${more} too many`);
        count(world.coverage.reasons, reason, more);
        unopened += more;
      } else {
        expect(`closes as ${reason}`, closes, reasons[reason] ?? 0);
      }
    }
    expect('failed handshakes', tls.failed, unopened);
    expect(
      'bytes read',
      bytesRead,
      sum((side) => side.connection.bytesRead),
    );
    if (world.framing === undefined) {
      expect(
        'messages',
        messagesRead,
        sum((side) => side.chunks),
      );
    }
    expect(
      'bytes written',
      bytesWritten,
      sum((side) => side.connection.bytesWritten),
    );
    expect(
      'errors of handlers',
      handlerErrors,
      sum((side) => side.thrown),
    );
  }
}

/** The link of an accepted connection. A peer that is gone already has no address, and sends nothing. */
function linkOfAccepted(world: World, connection: Connection<EngineSide>): Link {
  try {
    const address = connection.remoteAddress;
    return world.linkOf(address.family === 'unix' ? 0 : address.port);
  } catch {
    count(world.coverage.marks, 'accepted, and gone already');
    return new Link(1);
  }
}

/** The roles of one server's connections. */
class Roles {
  readonly #world: World;
  readonly #spec: ServerSpec;
  readonly #broadcast = new Set<EngineSide>();

  constructor(world: World, spec: ServerSpec) {
    this.#world = world;
    this.#spec = spec;
  }

  choose(): Role {
    const { chance } = this.#world;
    const { kind, spanMs } = this.#spec;
    const role = this.#roleOf(kind === 'mixed' ? chance.pick(KINDS) : kind);
    return chance.rate(0.3) ? disturbed(role, chance, spanMs) : role;
  }

  #roleOf(kind: Kind): Role {
    const { chance } = this.#world;
    const { behind, bytesMax } = this.#spec;
    switch (kind) {
      case 'careless echo':
        return new Echo(false);
      case 'sink':
        return new Sink();
      case 'source':
        return new Talker(chooseSpeech(chance, bytesMax));
      case 'broadcast':
        return new Broadcaster(this.#broadcast, chance);
      case 'proxy':
        if (behind !== undefined) {
          return new FrontLeg((role, failed) => behind.clients.connect(behind.server.target, role, failed));
        }
    }
    return new Echo(true);
  }
}
