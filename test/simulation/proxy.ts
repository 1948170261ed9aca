/** A role that passes everything on to another server, and back, with backpressure in both directions. */

import type { Role } from './roles.js';
import type { EngineSide } from './side.js';

/** Connects to the server behind the proxy; calls `opened` or `failed`. */
export type ConnectBehind = (role: Role, failed: () => void) => void;

/** One end of the pair: bytes received here are written there. */
class Leg implements Role {
  readonly name: string;
  other: Leg | undefined;
  side: EngineSide | undefined;

  constructor(name: string) {
    this.name = name;
  }

  open(side: EngineSide): void {
    this.side = side;
  }

  data(side: EngineSide, chunk: Buffer): void {
    const there = this.other?.side;
    if (there === undefined) {
      // Somebody resumed it before there was anybody to pass its bytes to.
      side.destroy();
    } else if (there.connection.writable && !there.write(chunk, chunk.byteLength)) {
      side.connection.pause();
    }
  }

  drain(): void {
    this.other?.side?.connection.resume();
  }

  end(): void {
    const there = this.other?.side?.connection;
    if (there?.writable === true) {
      there.end();
    }
  }

  close(side: EngineSide): void {
    if (side.reason !== 'finished') {
      this.other?.side?.destroy();
    }
  }
}

/** The leg of the second connection: it begins where the front's stream does. */
class BackLeg extends Leg {
  override open(side: EngineSide): void {
    super.open(side);
    const front = this.other?.side;
    if (front === undefined || front.connection.closing) {
      side.destroy();
      return;
    }
    side.outgoing.copyOf = front.incoming;
    front.connection.resume();
    if (front.incoming.endSeen || !front.connection.readable) {
      side.connection.end();
    }
  }
}

export class FrontLeg extends Leg {
  readonly #connectBehind: ConnectBehind;

  constructor(connectBehind: ConnectBehind) {
    super('proxy');
    this.#connectBehind = connectBehind;
  }

  override open(side: EngineSide): void {
    super.open(side);
    // The server behind the proxy echoes.
    side.outgoing.copyOf = side.incoming;
    side.connection.pause();
    const back = new BackLeg('proxy, behind');
    back.other = this;
    this.other = back;
    this.#connectBehind(back, () => side.destroy());
  }

  windDown(side: EngineSide): void {
    if (side.connection.writable) {
      side.connection.end();
    }
  }
}
