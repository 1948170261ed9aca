/**
 * Random traffic on a real driver, with every byte checked: writes of all sizes and kinds of memory, memory that is
 * detached while it waits, forwarded chunks, pauses, ends, resets. It ends by itself after `minutes`, and prints what
 * it did; a wrong byte ends it at once with exit code 1.
 *
 * node stress-traffic.js DRIVER MINUTES [SEED]
 */

import { type Connection, connect, type DriverChoice, Engine, listen } from 'overlapped';
import { Chance } from '../../simulation/chance.js';
import { bytesAt, PERIOD_BYTES, textAt } from '../../simulation/pattern.js';
import { DETACHING, shrinkable, transferred } from '../taking-away.js';

const CONNECTIONS = 40;
const ACTIONS_MAX = 60;
/** Bytes of one connection, which is destroyed then. */
const LIFE_MS_MAX = 10_000;
const FOREIGN = 0x01;
/** More than this unsent, and a connection writes no more for the time being. */
const QUEUED_BYTES_MAX = 3 * 1024 * 1024;
/** At the most, of this program. */
const MINUTES_MAX = 60;

const [, , driverName = 'auto', minutesText = '1', seedText = String(Date.now() % 1_000_000)] = process.argv;
const driver = driverName as DriverChoice;
const minutes = Math.min(Number(minutesText), MINUTES_MAX);
const seed = Number(seedText);
const chance = new Chance(seed);

/** A whole number from 0 on, below `most`. */
function below(most: number): number {
  return chance.between(0, most - 1);
}

/** Up to a period of what each stream is made of. */
function patternAt(position: number, byteLength: number): Buffer {
  return bytesAt(0, position, byteLength);
}

const counts: Record<string, number> = {};

function count(what: string, by = 1): void {
  counts[what] = (counts[what] ?? 0) + by;
}

function fail(message: string): never {
  console.error(`stress: ${message} (driver ${driver}, seed ${seed})`, counts);
  process.exit(1);
}

/** Checks the bytes of one stream, in order. */
class Reader {
  readonly name: string;
  position: number;

  constructor(name: string, start: number) {
    this.name = name;
    this.position = start;
  }

  read(bytes: Buffer): void {
    for (let offset = 0; offset < bytes.length; ) {
      const part = Math.min(bytes.length - offset, PERIOD_BYTES);
      const expected = patternAt(this.position, part);
      if (!expected.equals(bytes.subarray(offset, offset + part))) {
        fail(`${this.name}: bytes from ${this.position} on are not those that were written`);
      }
      this.position += part;
      offset += part;
    }
    count('bytes checked', bytes.length);
  }
}

const SIZES = [
  () => 1 + below(100),
  () => 1000 + below(60),
  () => 16_380 + below(10),
  () => 16_385 + below(60_000),
  () => 100_000 + below(300_000),
];

/** Bytes in some kind of memory, and what takes them away. */
function memoryOf(byteLength: number): { bytes: Uint8Array; takeAway: (() => void) | undefined } {
  switch (below(5)) {
    case 0: {
      const { bytes, shrink } = shrinkable(byteLength);
      return { bytes, takeAway: shrink };
    }
    case 1:
      return { bytes: new Uint8Array(new SharedArrayBuffer(byteLength)), takeAway: undefined };
    case 2: {
      const bytes = new Uint8Array(byteLength + 5000).subarray(3000, 3000 + byteLength);
      return { bytes, takeAway: () => transferred(bytes).fill(FOREIGN) };
    }
    default: {
      const bytes = new Uint8Array(byteLength);
      return { bytes, takeAway: () => transferred(bytes).fill(FOREIGN) };
    }
  }
}

/** One connection: a client that writes, a server that sends it all back, and checks at both. */
class Life {
  readonly start = below(PERIOD_BYTES);
  readonly back = new Reader('back', this.start);
  position = this.start;
  connection: Connection | undefined;
  actionsLeft = 1 + below(ACTIONS_MAX);
  readonly endsAt = performance.now() + LIFE_MS_MAX;
  readonly waiting: (() => void)[] = [];

  act(): void {
    const { connection } = this;
    if (connection === undefined || connection.closing) {
      return;
    }
    this.actionsLeft--;
    if (performance.now() > this.endsAt || this.actionsLeft < 0) {
      chance.pick([() => connection.destroy(), () => connection.reset(), () => connection.end()])();
      count('ended');
      return;
    }
    if (chance.rate(0.1)) {
      connection.pause();
      setTimeout(() => connection.resume(), below(30));
      count('paused');
    }
    if (this.waiting.length > 0 && chance.rate(0.3)) {
      this.waiting.shift()?.();
      count('taken away');
    }
    if (connection.writable && connection.queuedBytes < QUEUED_BYTES_MAX) {
      this.write(connection);
    }
  }

  write(connection: Connection): void {
    const byteLength = chance.pick(SIZES)();
    const text = chance.rate(0.2) ? textAt(0, this.position, Math.min(byteLength, PERIOD_BYTES)) : undefined;
    if (text !== undefined) {
      this.position += Buffer.byteLength(text);
      connection.write(text);
      count('texts and lock files');
      return;
    }
    const { bytes, takeAway } = memoryOf(byteLength);
    for (let offset = 0; offset < byteLength; offset += PERIOD_BYTES) {
      bytes.set(patternAt(this.position + offset, Math.min(PERIOD_BYTES, byteLength - offset)), offset);
    }
    this.position += byteLength;
    connection.write(bytes);
    count('writes');
    if (takeAway === undefined) {
      return;
    }
    if (byteLength <= 16_384) {
      // It was copied.
      bytes.fill(FOREIGN);
      takeAway();
    } else if (chance.rate(0.05)) {
      takeAway();
      count('taken away at once');
    } else if (chance.rate(0.1)) {
      this.waiting.push(takeAway);
    }
  }
}

const engine = new Engine({ driver, bufferCount: 128, bufferSizeBytes: 16_384, poisonReleasedBuffers: true });
const serverEngine = new Engine({ driver, bufferCount: 128, bufferSizeBytes: 65_536, poisonReleasedBuffers: true });
const lives = new Set<Life>();

/** The first four bytes of each client give the start of its stream. */
interface Incoming {
  head: Buffer;
  reader: Reader | undefined;
}

const server = await listen<Incoming>({
  engine: serverEngine,
  host: '127.0.0.1',
  port: 0,
  sendBufferBytes: 16_384,
  receiveBufferBytes: 16_384,
  open(connection) {
    connection.context = { head: Buffer.alloc(0), reader: undefined };
  },
  data(connection, chunk) {
    const { context } = connection;
    let bytes = chunk;
    if (context.reader === undefined) {
      const wanted = 4 - context.head.length;
      context.head = Buffer.concat([context.head, chunk.subarray(0, wanted)]);
      bytes = chunk.subarray(wanted);
      if (context.head.length < 4) {
        return;
      }
      context.reader = new Reader('there', context.head.readUInt32BE());
    }
    context.reader.read(bytes);
    if (chance.rate(0.02)) {
      try {
        chance.pick(Object.values(DETACHING))(bytes);
      } catch {
        // Right: the memory cannot be detached.
      }
      count('tries to detach a chunk');
      if (bytes.length === 0) {
        // The engine held only a copy: its loss harms nothing.
        connection.reset();
        return;
      }
      context.reader.position -= bytes.length;
      context.reader.read(bytes);
    }
    if (bytes.length > 0 && !connection.write(bytes)) {
      connection.pause();
    }
    if (chance.rate(0.0005)) {
      connection.reset();
      count('reset by the server');
    }
  },
  drain: (connection) => connection.resume(),
  error: (_, error) => count(`server: ${(error as NodeJS.ErrnoException).code}`),
});
const { address } = server;
if (address.family === 'unix') {
  fail('The server has no port');
}

async function live(): Promise<void> {
  const life = new Life();
  lives.add(life);
  const closed = new Promise<void>((resolve) => {
    void connect({
      engine,
      host: '127.0.0.1',
      port: address.family === 'unix' ? 0 : address.port,
      sendBufferBytes: chance.pick([4096, 65_536]),
      receiveBufferBytes: 16_384,
      timeouts: { shutdownMs: 5000 },
      data: (_, chunk) => life.back.read(chunk),
      error: (_, error) => count(`client: ${(error as NodeJS.ErrnoException).code}`),
      close(_, reason) {
        count(`client closed: ${reason}`);
        resolve();
      },
    }).then(
      (connection) => {
        const head = Buffer.alloc(4);
        head.writeUInt32BE(life.start);
        connection.write(head);
        life.connection = connection;
      },
      (error) => fail(`connect: ${error}`),
    );
  });
  await closed;
  lives.delete(life);
}

const until = performance.now() + minutes * 60_000;
const timer = setInterval(() => {
  for (const life of lives) {
    life.act();
  }
}, 1);
await Promise.all(
  Array.from({ length: CONNECTIONS }, async () => {
    while (performance.now() < until) {
      await live();
      count('connections');
    }
  }),
);
clearInterval(timer);
await server.close({ deadlineMs: 0 });
for (const each of [engine, serverEngine]) {
  each.close();
}
console.log(JSON.stringify({ driver: serverEngine.core.port.driver, seed, minutes, ...counts }, undefined, 1));
