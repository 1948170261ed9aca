/** Roles that do what their own role does, and something else at an unexpected moment. */

import { count } from './coverage.js';
import { bytesAt } from './pattern.js';
import type { Role } from './roles.js';
import type { EngineSide } from './side.js';

type Event = 'open' | 'data' | 'drain' | 'end' | 'error' | 'close';
const EVENTS = ['open', 'data', 'drain', 'end', 'error', 'close'] as const;

type Meddling = (side: EngineSide) => void;

const PAUSE_MS_MAX = 400;
const DEADLINE_MS_MAX = 600;

/** Things that a program may do with a connection at any time. */
const MEDDLINGS: Readonly<Record<string, Meddling>> = {
  pause({ connection, world }) {
    connection.pause();
    world.after(world.chance.between(0, PAUSE_MS_MAX), () => connection.resume());
  },
  pauseAndResume({ connection }) {
    connection.pause();
    connection.resume();
  },
  resume({ connection }) {
    connection.resume();
  },
  end({ connection }) {
    connection.end();
  },
  endWithBytes(side) {
    const { connection, outgoing } = side;
    // Bytes that are sent back must be the received ones.
    if (connection.writable && outgoing.copyOf === undefined && side.world.framing === undefined) {
      side.queuedSince = connection.queuedBytes === 0 ? side.world.now() : side.queuedSince;
      const bytes = bytesAt(outgoing.start, outgoing.written, side.world.chance.size(1, 3000));
      outgoing.write(bytes.byteLength, bytes.byteLength);
      connection.end(bytes);
    }
  },
  destroy(side) {
    side.destroy();
  },
  destroyWithError(side) {
    side.destroy(new Error('The scenario wants it'));
  },
  reset(side) {
    side.reset();
  },
  deadline({ connection, deeds, world }) {
    if (deeds.destroyed) {
      // Its linger time is its deadline.
      return;
    }
    const timeoutMs = world.chance.between(1, DEADLINE_MS_MAX);
    connection.setDeadline(timeoutMs);
    deeds.deadlineAt = world.now() + timeoutMs;
    if (world.chance.rate(0.3)) {
      connection.setDeadline(0);
      deeds.deadlineAt = Infinity;
    }
  },
  writeNothing(side) {
    if (side.connection.writable) {
      side.write('', 0);
    }
  },
  writeBehindTheEnd({ connection, world, name }) {
    if (!connection.writable && !connection.closing) {
      // Reported by an error if the program itself ended; otherwise by `false`, as the program may not know of the
      // close.
      try {
        world.check(!connection.write('too late'), () => `${name}: write took something behind the end`);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        world.check(code === 'ERR_STREAM_WRITE_AFTER_END', () => `${name}: write behind the end threw ${code}`);
      }
    }
  },
  references({ connection }) {
    connection.unref();
    connection.ref();
  },
};

const NAMES = Object.keys(MEDDLINGS);

/** How often a meddling is chosen that leaves the connection alive. */
const HARMLESS_RATE = 0.6;
const HARMLESS = NAMES.filter((name) => !/^(?:destroy|reset|deadline)/.test(name));

function meddle(side: EngineSide): void {
  const { chance, coverage } = side.world;
  const name = chance.pick(chance.rate(HARMLESS_RATE) ? HARMLESS : NAMES);
  count(coverage.marks, `meddled: ${name}`);
  (MEDDLINGS[name] as Meddling)(side);
}

/** A role around another: it gets each event first, and decides whether to pass it on. */
abstract class RoleAround implements Role {
  readonly name: string;
  readonly #role: Role;

  constructor(name: string, role: Role) {
    this.name = `${name} ${role.name}`;
    this.#role = role;
  }

  protected abstract tell(event: Event, side: EngineSide, chunk?: Buffer): unknown;

  /** The other role's reaction to the event. */
  protected pass(event: Event, side: EngineSide, chunk?: Buffer): unknown {
    return event === 'data' ? this.#role.data?.(side, chunk as Buffer) : this.#role[event]?.(side);
  }

  open(side: EngineSide): unknown {
    return this.tell('open', side);
  }

  data(side: EngineSide, chunk: Buffer): unknown {
    return this.tell('data', side, chunk);
  }

  drain(side: EngineSide): unknown {
    return this.tell('drain', side);
  }

  end(side: EngineSide): unknown {
    return this.tell('end', side);
  }

  error(side: EngineSide): unknown {
    return this.tell('error', side);
  }

  close(side: EngineSide): unknown {
    return this.tell('close', side);
  }

  windDown(side: EngineSide): void {
    this.#role.windDown?.(side);
  }
}

/** Does something unexpected some times, at random moments and inside handlers. */
export class Meddler extends RoleAround {
  readonly #eventRate: number;
  readonly #timesMax: number;
  readonly #spanMs: number;

  constructor(role: Role, side: { readonly eventRate: number; readonly timesMax: number; readonly spanMs: number }) {
    super('meddling', role);
    this.#eventRate = side.eventRate;
    this.#timesMax = side.timesMax;
    this.#spanMs = side.spanMs;
  }

  protected override tell(event: Event, side: EngineSide, chunk?: Buffer): unknown {
    if (event !== 'open') {
      this.#maybeMeddle(event, side);
      return this.pass(event, side, chunk);
    }
    this.#meddleLater(side);
    const returned = this.pass(event, side);
    this.#maybeMeddle(event, side);
    return returned;
  }

  #meddleLater(side: EngineSide): void {
    const { world } = side;
    for (let times = world.chance.between(0, this.#timesMax); times > 0; times--) {
      world.after(world.chance.between(0, this.#spanMs), () => {
        if (!side.over && !world.windingDown) {
          meddle(side);
        }
      });
    }
  }

  #maybeMeddle(event: Event, side: EngineSide): void {
    const { chance, windingDown } = side.world;
    if (event !== 'close' && !windingDown && chance.rate(this.#eventRate)) {
      meddle(side);
    }
  }
}

/** Throws, or rejects, once, from one of its handlers. */
export class Thrower extends RoleAround {
  readonly #event: Event;
  readonly #rejects: boolean;
  #callsLeft: number;

  constructor(role: Role, chance: EngineSide['world']['chance']) {
    super('throwing', role);
    this.#event = chance.pick(EVENTS);
    this.#rejects = chance.rate(0.4);
    this.#callsLeft = chance.between(1, 4);
  }

  protected override tell(event: Event, side: EngineSide, chunk?: Buffer): unknown {
    const returned = this.pass(event, side, chunk);
    if (event !== this.#event || --this.#callsLeft !== 0) {
      return returned;
    }
    const { connection, deeds, world } = side;
    // While the connection is closing, only the error sink is called.
    deeds.threw ||= !connection.closing;
    count(world.coverage.marks, `${this.#rejects ? 'rejected' : 'threw'} in ${event}`);
    side.thrown++;
    const thrown = world.chance.rate(0.8) ? new Error('A handler has had enough') : 'not even an error';
    if (!this.#rejects) {
      throw thrown;
    }
    return Promise.reject(thrown);
  }
}
