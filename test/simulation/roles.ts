/** The behaviour of ends of connections, of servers and clients alike. */

import type { Chance } from './chance.js';
import type { EngineSide } from './side.js';

/** The reaction of an end to an event. The returned value goes to the engine. */
export interface Role {
  readonly name: string;
  open?(side: EngineSide): unknown;
  data?(side: EngineSide, chunk: Buffer): unknown;
  drain?(side: EngineSide): unknown;
  end?(side: EngineSide): unknown;
  error?(side: EngineSide): unknown;
  close?(side: EngineSide): unknown;
  /** The scenario ends: nothing of its own accord may keep the connection open. */
  windDown?(side: EngineSide): void;
}

function endIfWritable({ connection }: EngineSide): void {
  if (connection.writable) {
    connection.end();
  }
}

/** Sends received bytes back, with or without backpressure. */
export class Echo implements Role {
  readonly name: string;
  readonly #careful: boolean;

  constructor(careful: boolean) {
    this.#careful = careful;
    this.name = careful ? 'echo' : 'careless echo';
  }

  open({ incoming, outgoing }: EngineSide): void {
    outgoing.copyOf = incoming;
  }

  data(side: EngineSide, chunk: Buffer): void {
    const { connection } = side;
    // A server that closes ends our side while the peer still sends.
    if (connection.writable && !side.write(chunk, chunk.byteLength) && this.#careful) {
      connection.pause();
    }
  }

  drain({ connection }: EngineSide): void {
    if (this.#careful) {
      connection.resume();
    }
  }

  end(side: EngineSide): void {
    endIfWritable(side);
  }
}

/** Reads everything and writes nothing. */
export class Sink implements Role {
  readonly name = 'sink';

  end(side: EngineSide): void {
    endIfWritable(side);
  }

  windDown(side: EngineSide): void {
    endIfWritable(side);
  }
}

const TALKER_ENDS = ['end', 'end', 'end', 'end', 'stay', 'stay', 'destroy', 'reset'] as const;

/** The actions of a talker. */
export interface Speech {
  readonly bytes: number;
  readonly pieceBytesMax: number;
  readonly textRate: number;
  /** Whether it goes on though `write` said no. */
  readonly careless: boolean;
  /** How often it makes a pause between two pieces, and how long. */
  readonly pauseRate: number;
  readonly pauseMs: number;
  readonly ends: (typeof TALKER_ENDS)[number];
}

export function chooseSpeech(chance: Chance, bytesMax: number): Speech {
  return {
    bytes: chance.rate(0.1) ? 0 : chance.size(1, chance.rate(0.1) ? 3 * bytesMax : bytesMax),
    pieceBytesMax: chance.size(1, 40_000) + 200,
    textRate: chance.pick([0, 0.3, 1]),
    careless: chance.rate(0.2),
    pauseRate: chance.pick([0, 0.05, 0.5]),
    pauseMs: chance.size(1, 300),
    ends: chance.pick(TALKER_ENDS),
  };
}

/** Says something of its own, in pieces, and ends in one of several ways. */
export class Talker implements Role {
  readonly name: string;
  readonly #speech: Speech;
  #left: number;
  #pausing = false;
  #ended = false;

  constructor(speech: Speech) {
    this.#speech = speech;
    this.#left = speech.bytes;
    this.name = speech.careless ? 'careless talker' : 'talker';
  }

  open(side: EngineSide): void {
    const { chance } = side.world;
    if (chance.rate(0.5)) {
      this.#talk(side);
    } else {
      this.#pause(side);
    }
  }

  /** Now and then it answers at once, from inside the handler. */
  data(side: EngineSide): void {
    if (side.world.chance.rate(0.1)) {
      this.#talk(side);
    }
  }

  drain(side: EngineSide): void {
    this.#talk(side);
  }

  end(side: EngineSide): void {
    const stays = this.#speech.ends === 'stay' && side.world.chance.rate(0.5);
    if ((this.#left === 0 && !stays) || side.world.windingDown) {
      endIfWritable(side);
    }
  }

  windDown(side: EngineSide): void {
    this.#left = 0;
    endIfWritable(side);
  }

  #pause(side: EngineSide): void {
    if (!this.#pausing) {
      this.#pausing = true;
      side.world.after(side.world.chance.between(0, this.#speech.pauseMs), () => {
        this.#pausing = false;
        this.#talk(side);
      });
    }
  }

  #talk(side: EngineSide): void {
    const { connection, world } = side;
    const { pieceBytesMax, textRate, careless, pauseRate } = this.#speech;
    while (this.#left > 0 && connection.writable && !this.#pausing) {
      if (side.drainOwed && !careless) {
        return;
      }
      if (world.chance.rate(pauseRate)) {
        this.#pause(side);
        return;
      }
      const before = side.outgoing.written;
      side.writeNext(Math.min(this.#left, world.chance.size(1, pieceBytesMax)), textRate);
      this.#left -= side.outgoing.written - before;
    }
    if (this.#left === 0 && !this.#pausing && !this.#ended) {
      this.#ended = true;
      this.#finish(side);
    }
  }

  #finish(side: EngineSide): void {
    switch (side.world.windingDown ? 'end' : this.#speech.ends) {
      case 'end':
        endIfWritable(side);
        break;
      case 'destroy':
        side.destroy();
        break;
      case 'reset':
        side.reset();
    }
  }
}

/** Each received chunk makes it send something to all connections of its kind. */
export class Broadcaster implements Role {
  readonly name = 'broadcaster';
  readonly #all: Set<EngineSide>;
  readonly #pieceBytesMax: number;
  readonly #bytesMax: number;

  constructor(all: Set<EngineSide>, chance: Chance) {
    this.#all = all;
    this.#pieceBytesMax = chance.size(100, 5000);
    this.#bytesMax = chance.size(10_000, 100_000);
  }

  open(side: EngineSide): void {
    this.#all.add(side);
  }

  data(side: EngineSide): void {
    const byteLength = side.world.chance.size(1, this.#pieceBytesMax);
    for (const other of this.#all) {
      if (other.connection.writable && other.outgoing.written < this.#bytesMax) {
        other.writeNext(byteLength, 0.5);
      }
    }
  }

  end(side: EngineSide): void {
    endIfWritable(side);
  }

  close(side: EngineSide): void {
    this.#all.delete(side);
  }
}
