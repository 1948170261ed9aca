/**
 * A server with many peers that do as much harm as they can: a third is paused by the server and goes on sending, a
 * third sends messages that it never completes, as many bytes as the server accepts, and a third is silent. An honest
 * peer is served meanwhile.
 *
 * Arguments: the driver, the number of peers (10,000 by default), the engine's heldBytesMax in MiB (256 by default).
 * Prints figures as JSON. Peers run in processes of their own.
 */

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as after } from 'node:timers/promises';
import { Engine, type Handlers, listen } from 'overlapped';
import { type Framing, lengthPrefixed } from 'overlapped/framing';

const MIB = 1024 * 1024;
const PEERS_PER_PROCESS = 2500;
/** Connects at one time, as a backlog is bounded. */
const AT_ONCE = 50;
const PAUSED_BYTES = 64 * 1024;
const PART_BYTES = 900_000;
const LOOKS_MAX = 60;
const KINDS = ['paused', 'unfinished', 'silent'] as const;

type Kind = (typeof KINDS)[number];

/** The bytes of a peer once it is connected, after the byte that every peer sends. */
function said(kind: Kind): Buffer {
  if (kind === 'silent') {
    return Buffer.alloc(0);
  }
  return Buffer.alloc(kind === 'paused' ? PAUSED_BYTES : PART_BYTES, 'x');
}

async function open(port: number, kind: Kind): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  await Promise.race([once(socket, 'connect'), once(socket, 'close')]);
  if (kind !== 'silent') {
    // The header of a message of 1 MiB; to the server that pauses, bytes as any.
    socket.write(Buffer.from([0, 0x10, 0, 0]));
  }
  return socket;
}

async function bePeers(ports: Readonly<Record<Kind, number>>, count: number): Promise<void> {
  const sockets: [Socket, Kind][] = [];
  while (sockets.length < count) {
    const kinds = Array.from(
      { length: Math.min(AT_ONCE, count - sockets.length) },
      (_, index) => KINDS[index % 3] as Kind,
    );
    sockets.push(
      ...(await Promise.all(kinds.map(async (kind) => [await open(ports[kind], kind), kind] as [Socket, Kind]))),
    );
  }
  process.send?.('connected');
  await once(process, 'message');
  for (const [index, [socket, kind]] of sockets.entries()) {
    socket.write(said(kind));
    if (index % AT_ONCE === 0) {
      await after(1);
    }
  }
  process.send?.('sent');
  // Slow ones go on, a byte at a time.
  setInterval(() => {
    for (const [socket, kind] of sockets) {
      if (kind === 'unfinished' && socket.writableLength === 0) {
        socket.write('x');
      }
    }
  }, 500);
}

async function told(children: readonly ChildProcess[], word: string): Promise<void> {
  await Promise.all(
    children.map(async (child) => {
      const [message] = await once(child, 'message');
      if (message !== word) {
        throw new Error(`Expected ${word}, got ${message}`);
      }
    }),
  );
}

/** Sends a message now and then, and keeps how long each answer took. */
function beHonest(port: number): { readonly tookMs: number[] } {
  const tookMs: number[] = [];
  const socket = connect(port, '127.0.0.1');
  const message = Buffer.from([0, 0, 0, 5, ...Buffer.from('hello')]);
  let sentAt = 0;
  const say = (): void => {
    sentAt = performance.now();
    socket.write(message);
  };
  socket.on('connect', say).on('data', () => {
    tookMs.push(performance.now() - sentAt);
    setTimeout(say, 10);
  });
  socket.on('error', () => undefined);
  socket.unref();
  return { tookMs };
}

async function serve(driver: string, count: number, heldBytesMax: number): Promise<void> {
  const engine = new Engine({ driver: driver as 'auto', engineHeldBytesMax: heldBytesMax });
  const place = { engine, host: '127.0.0.1', port: 0, error: () => undefined };
  const pausing = await listen({ ...place, data: (connection) => connection.pause() });
  const framing = lengthPrefixed() as Framing<never, never>;
  const handlers: Handlers = { message: (connection, message) => connection.sendMessage(message) };
  const framed = await listen({ ...place, framing, ...handlers });
  const portOf = ({ address }: { address: unknown }): number => (address as { port: number }).port;
  const ports = { paused: portOf(pausing), unfinished: portOf(framed), silent: portOf(framed) };
  const honest = beHonest(ports.unfinished);
  const received = (): number => Math.round((framed.statistics().bytesRead + pausing.statistics().bytesRead) / MIB);
  const rss = (): number => Math.round(process.memoryUsage().rss / MIB);
  const before = rss();
  let mostRss = 0;
  let mostHeld = 0;
  const watch = setInterval(() => {
    mostRss = Math.max(mostRss, rss());
    mostHeld = Math.max(mostHeld, engine.heldBytes);
  }, 5);
  const children = Array.from({ length: Math.ceil(count / PEERS_PER_PROCESS) }, (_, index) =>
    fork(process.argv[1] as string, [
      'peers',
      JSON.stringify(ports),
      `${Math.min(PEERS_PER_PROCESS, count - index * PEERS_PER_PROCESS)}`,
    ]),
  );
  await told(children, 'connected');
  const connected = { rssMiB: rss(), connections: pausing.connectionsCount + framed.connectionsCount };
  for (const child of children) {
    child.send('go');
  }
  await told(children, 'sent');
  // The rest of their bytes arrives until the server accepts no more.
  for (let before = -1, looks = 0; received() !== before && looks < LOOKS_MAX; looks++) {
    before = received();
    await after(500);
  }
  const { closesByReason } = framed.statistics().connections;
  const sorted = honest.tookMs.toSorted((a, b) => a - b);
  const figures = {
    driver: engine.driver,
    rssMiB: { before, connected: connected.rssMiB, most: mostRss, after: rss() },
    heldMiB: { most: Math.round(mostHeld / MIB), after: Math.round(engine.heldBytes / MIB) },
    connections: { connected: connected.connections, after: pausing.connectionsCount + framed.connectionsCount },
    receivedMiB: received(),
    closedAsProcessHeldFull: closesByReason.engine_held_full,
    closedOtherwise: framed.statistics().connections.closed - closesByReason.engine_held_full,
    honestAnswers: sorted.length,
    honestMedianMs: Number(sorted[sorted.length >> 1]?.toFixed(2)),
    honestWorstMs: Number(sorted.at(-1)?.toFixed(1)),
  };
  clearInterval(watch);
  for (const child of children) {
    child.kill();
  }
  engine.close();
  await after(100);
  console.log(JSON.stringify({ ...figures, heldBytesAtTheEnd: engine.heldBytes }));
}

const [role = 'auto', what, last] = process.argv.slice(2);
if (role === 'peers') {
  await bePeers(JSON.parse(what as string), Number(last));
} else {
  await serve(role, Number(what ?? 10_000), Number(last ?? 256) * MIB);
}
