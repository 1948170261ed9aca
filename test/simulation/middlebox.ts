/**
 * A middlebox between the clients and a server with TLS. It passes their bytes on in pieces, late, and may do harm once:
 * change, drop or repeat bytes, cut the stream with an end that nobody has sent, swallow the end that was sent, fall silent,
 * or reset one side.
 */

import type { SimEndpoint, SimListener } from 'overlapped/sim';
import type { Target } from './clients.js';
import { count } from './coverage.js';
import type { Link } from './flow.js';
import type { Member, World } from './world.js';

const HARMS = ['none', 'none', 'none', 'flip', 'drop', 'repeat', 'cut', 'swallow', 'silence', 'reset'] as const;
type Harm = (typeof HARMS)[number];

/** Harm comes after this many bytes at most, counted from the first one, or once both ends are open. */
const HARM_AFTER_BYTES_MAX = 20_000;
/** How often they are counted once both ends are open: most of the others end in the handshake. */
const HARMS_DATA_RATE = 0.6;
const PIECE_BYTES_MAX = 20_000;
const STEP_MS_MAX = 20;
const LEAVES_MS_MAX = 3000;
const HOST = '127.0.0.1';

/** One direction. */
class Pipe {
  readonly from: SimEndpoint;
  readonly to: SimEndpoint;
  /** Bytes passed on before harm is done; Infinity if this direction has none. */
  harmAt = Infinity;
  passed = 0;
  ended = false;

  constructor(from: SimEndpoint, to: SimEndpoint) {
    this.from = from;
    this.to = to;
  }
}

class Passage implements Member {
  readonly name: string;
  readonly #world: World;
  readonly #link: Link;
  readonly #pipes: readonly [Pipe, Pipe];
  readonly #harm: Harm;
  readonly #pieceBytesMax: number;
  readonly #stepMs: number;
  /** Harm to come this many bytes after both ends have opened. */
  #harmAfterOpen: { readonly pipe: Pipe; readonly byteLength: number } | undefined;
  #stepping = false;
  #silent = false;
  over = false;

  constructor(world: World, near: SimEndpoint, target: Target, index: number) {
    const { chance } = world;
    this.#world = world;
    this.name = `passage ${index}`;
    const { host: address, port } = target;
    const far = world.network.connect({ family: address.includes(':') ? 'ipv6' : 'ipv4', address, port });
    this.#link = world.linkOf(portOf(near.remoteAddress));
    world.nameLink(portOf(far.localAddress), this.#link);
    this.#harm = chance.pick(HARMS);
    this.#pipes = [new Pipe(near, far), new Pipe(far, near)];
    if (this.#harm !== 'none') {
      this.#planHarm(chance.pick(this.#pipes));
    }
    this.#pieceBytesMax = chance.size(1, PIECE_BYTES_MAX);
    this.#stepMs = chance.pick([0, 0, 1, STEP_MS_MAX]);
    if (this.#harm !== 'none') {
      this.#link.harm();
    }
    count(world.coverage.marks, `middlebox: ${this.#harm}`);
    world.members.add(this);
    near.onChange = () => this.#changed();
    far.onChange = () => this.#changed();
    this.#changed();
  }

  #planHarm(pipe: Pipe): void {
    const { chance } = this.#world;
    const byteLength = chance.size(1, HARM_AFTER_BYTES_MAX);
    if (chance.rate(HARMS_DATA_RATE)) {
      this.#harmAfterOpen = { pipe, byteLength };
    } else {
      pipe.harmAt = byteLength;
    }
  }

  /** From now on the bytes count after which harm comes, if both ends are open. */
  #lookForData({ up, down }: Link): void {
    if (this.#harmAfterOpen !== undefined && up.sender !== undefined && down.sender !== undefined) {
      const { pipe, byteLength } = this.#harmAfterOpen;
      pipe.harmAt = pipe.passed + byteLength;
      this.#harmAfterOpen = undefined;
    }
  }

  #changed(): void {
    if (this.over || this.#stepping) {
      return;
    }
    this.#stepping = true;
    this.#world.after(this.#stepMs, () => {
      this.#stepping = false;
      this.#step();
    });
  }

  #step(): void {
    const [{ from: near, to: far }] = this.#pipes;
    if (this.over || far.state === 'connecting') {
      return;
    }
    if (far.state !== 'connected' || near.state !== 'connected') {
      this.#leave(true);
      return;
    }
    this.#lookForData(this.#link);
    let more = false;
    for (const pipe of this.#pipes) {
      more = this.#pass(pipe) || more;
      if (this.over) {
        return;
      }
    }
    if (this.#pipes.every(({ ended }) => ended)) {
      this.#leave(false);
    } else if (more) {
      this.#changed();
    }
  }

  /** Passes one piece on. @returns whether there is more */
  #pass(pipe: Pipe): boolean {
    const { from, to } = pipe;
    if (this.#silent || pipe.ended) {
      return false;
    }
    const most = Math.min(from.readable, to.writable, this.#pieceBytesMax, pipe.harmAt - pipe.passed);
    if (most > 0) {
      const bytes = from.read(this.#world.chance.size(1, most));
      pipe.passed += bytes.length;
      to.write(bytes);
      if (pipe.passed === pipe.harmAt) {
        this.#doHarm(pipe, bytes);
      }
      return from.readable > 0 && to.writable > 0;
    }
    if (from.ended && to.state === 'connected') {
      pipe.ended = true;
      if (this.#harm !== 'swallow' || pipe.harmAt === Infinity) {
        to.end();
      }
    }
    return false;
  }

  #doHarm(pipe: Pipe, last: Buffer): void {
    const { from, to } = pipe;
    pipe.harmAt = Infinity;
    switch (this.#harm) {
      case 'flip':
        if (from.readable > 0 && to.writable > 0) {
          const byte = from.read(1);
          byte[0] = (byte[0] as number) ^ (1 << this.#world.chance.between(0, 7));
          to.write(byte);
        }
        break;
      case 'drop':
        from.read(1);
        break;
      case 'repeat':
        if (to.writable >= last.length) {
          to.write(last);
        }
        break;
      case 'cut':
        to.end();
        pipe.ended = true;
        break;
      case 'silence':
        this.#silent = true;
        break;
      case 'reset':
        this.#leave(true);
        break;
      case 'swallow':
        // The end of this direction is not passed on.
        pipe.harmAt = -1;
    }
  }

  #leave(reset: boolean): void {
    if (!this.over) {
      this.over = true;
      for (const { from } of this.#pipes) {
        from.close({ reset });
      }
    }
  }

  inspect(): void {}

  windDown(): void {
    this.#world.after(this.#world.chance.between(0, LEAVES_MS_MAX), () => {
      if (!this.over) {
        // Bytes that are on their way are lost.
        this.#link.harm();
      }
      this.#leave(this.#world.chance.rate(0.5));
    });
  }
}

function portOf(address: SimEndpoint['remoteAddress']): number {
  return address === undefined || address.family === 'unix' ? 0 : address.port;
}

/** Listens where clients reach the target through the middlebox. */
export function listenBetween(world: World, target: Target): SimListener {
  const listener = world.network.listen({ family: 'ipv4', address: HOST, port: 0 });
  let passages = 0;
  listener.onChange = () => {
    for (let near = listener.accept(); near !== undefined; near = listener.accept()) {
      const passage = new Passage(world, near, target, ++passages);
      if (world.windingDown) {
        passage.windDown();
      }
    }
  };
  return listener;
}
