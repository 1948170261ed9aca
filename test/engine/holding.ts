/** Received and held bytes are limited: chunks of paused connections and unfinished messages, per connection and in all. */

import assert from 'node:assert/strict';
import type { Connection, Engine, Server } from 'overlapped';
import { delimited, type Framing, lengthPrefixed } from 'overlapped/framing';
import { RECEIVING } from '../../src/engine/connection-core/state.js';
import { eventually, onceInTime, sha256, someBytes } from '../support/harness.js';
import type { PeerClient } from '../support/peer-client.js';
import { type EngineSubject, type Stage, scenes } from './subject.js';

const MIB = 1024 * 1024;
const LIMIT_MS = 150;
const BUFFER_BYTES = 65_536;
const FEW_BUFFERS = 4;
/** The most that one round of an unlimited multishot receive delivers: MULTISHOT_MAX_RETRY and one. */
const UNLIMITED_BUFFERS = 33;

/** The first `held` bytes of a message of `byteLength`. */
function partOf(byteLength: number, held: number): Buffer {
  const bytes = Buffer.alloc(4 + held, 'm');
  bytes.writeUInt32BE(byteLength);
  return bytes;
}

/** Connections to a server, in the order of their peers. */
async function connections(stage: Stage, server: Server, count: number): Promise<[Connection, PeerClient][]> {
  const pairs: [Connection, PeerClient][] = [];
  for (let index = 0; index < count; index++) {
    const before = new Set(server.connections());
    const peer = await stage.peer(server);
    await eventually(() => server.connectionsCount === index + 1, 'a connection');
    const [connection] = [...server.connections()].filter((one) => !before.has(one));
    pairs.push([connection as Connection, peer]);
  }
  return pairs;
}

/** Counts the cancels that an engine asks for. */
function countCancels(engine: Engine): { count: number } {
  const cancels = { count: 0 };
  const { port } = engine.core;
  const cancel = port.cancel.bind(port);
  port.cancel = (socket, what) => {
    cancels.count++;
    cancel(socket, what);
  };
  return cancels;
}

function pausedOnes(subject: EngineSubject): void {
  const scene = scenes(subject);

  scene('a connection delivers nothing after pause, even if a receive was in flight', async (stage) => {
    const pieces: Buffer[] = [];
    const { connection, peer } = await stage.pair({
      data(connection, chunk) {
        pieces.push(Buffer.from(chunk));
        if (pieces.length === 1) {
          connection.pause();
        }
      },
    });
    peer.socket.write('x');
    await eventually(() => connection.paused && (connection.flags & RECEIVING) === 0, 'the end of the receive');
    const data = someBytes(4 * MIB);
    const other = await stage.pair({ data: (connection, chunk) => connection.write(chunk) });
    peer.socket.end(data);
    for (let round = 1; round <= 20; round++) {
      other.peer.socket.write('ping');
      await eventually(() => other.peer.bytes === 4 * round, `echo ${round}`);
    }
    assert.deepEqual([connection.heldBytes, stage.engine.heldBytes, connection.held], [0, 0, undefined]);
    connection.resume();
    await eventually(() => connection.isClosed, 'the end');
    assert.equal(sha256(Buffer.concat(pieces).subarray(1)), sha256(data));
  });

  scene('a connection paused at the start of a burst holds only a few buffers', async (stage) => {
    const pieces: Buffer[] = [];
    let most = 0;
    const { connection, peer } = await stage.pair({
      data(connection, chunk) {
        pieces.push(Buffer.from(chunk));
        most = Math.max(most, connection.heldBytes);
        if (pieces.length % 8 === 1) {
          connection.pause();
          // The burst goes on for a while: the peer has filled what the system holds.
          setTimeout(() => {
            most = Math.max(most, connection.heldBytes);
            connection.resume();
          }, 20);
        }
      },
    });
    const data = someBytes(16 * MIB);
    peer.socket.end(data);
    await eventually(() => connection.isClosed, 'the end');
    assert.equal(sha256(Buffer.concat(pieces)), sha256(data));
    // Nothing limits a multishot receive before Linux 6.17, nor in the simulation, where a cancel takes its time too.
    const { features } = stage.engine.core.port;
    const unlimited = subject.capabilities.multishot && !features.includes('multishot_limit');
    const buffers = unlimited ? UNLIMITED_BUFFERS : FEW_BUFFERS;
    assert(most <= buffers * BUFFER_BYTES, `${most} bytes`);
  });

  scene('a connection that a promise resumes keeps its receive in flight', async (stage) => {
    const cancels = countCancels(stage.engine);
    const rounds = 50;
    let pieces = 0;
    const { peer } = await stage.pair({
      data(connection, chunk) {
        pieces++;
        connection.write(chunk);
        connection.pause();
        void Promise.resolve().then(() => connection.resume());
      },
    });
    for (let round = 1; round <= rounds; round++) {
      peer.socket.write('ping');
      await eventually(() => peer.bytes === 4 * round, `echo ${round}`);
    }
    // A second chunk of one round is held, which ends the receive.
    assert(cancels.count <= pieces - rounds, `${cancels.count} cancels of ${pieces} pieces`);
  });

  scene('a connection that is paused and resumed over and over loses nothing', async (stage) => {
    const pieces: Buffer[] = [];
    const { connection, peer } = await stage.pair({
      data(connection, chunk) {
        pieces.push(Buffer.from(chunk));
        connection.pause();
        setImmediate(() => {
          connection.resume();
          connection.pause();
          setImmediate(() => connection.resume());
        });
      },
    });
    const data = someBytes(2 * MIB);
    peer.socket.end(data);
    await eventually(() => connection.isClosed, 'the end');
    assert.equal(sha256(Buffer.concat(pieces)), sha256(data));
  });
}

function awaitedOnes(subject: EngineSubject): void {
  const scene = scenes(subject);

  scene('nothing more is received while a handler is awaited, and its message counts as held', async (stage) => {
    const byteLength = 300_000;
    let settle: (() => void) | undefined;
    const { connection, peer } = await stage.pair({
      framing: lengthPrefixed() as Framing<never, never>,
      async message() {
        await new Promise<void>((resolve) => {
          settle = resolve;
        });
      },
    });
    peer.socket.write(partOf(byteLength, byteLength));
    await eventually(() => settle !== undefined && (connection.flags & RECEIVING) === 0, 'the message');
    assert(connection.heldBytes >= byteLength, `${connection.heldBytes} bytes`);
    assert.equal(connection.heldBytes, stage.engine.heldBytes);
    peer.socket.write(partOf(byteLength, byteLength));
    settle?.();
    settle = undefined;
    await eventually(() => settle !== undefined, 'the next message');
    (settle as unknown as () => void)();
    await eventually(() => connection.heldBytes === 0, 'nothing is held');
  });
}

function caps(subject: EngineSubject): void {
  const scene = scenes(subject);
  const framing = lengthPrefixed() as Framing<never, never>;
  const ignore = (): void => undefined;

  scene('a message that needs more memory than a connection may hold closes it: held_full', async (stage) => {
    const server = await stage.listen({ framing, message: ignore, error: ignore, limits: { heldBytesMax: 100_000 } });
    const pairs = await connections(stage, server, 2);
    const [[large, largePeer], [small, smallPeer]] = pairs as [[Connection, PeerClient], [Connection, PeerClient]];
    // Memory doubles while a message grows: that of the small one stays below the limit however its bytes come.
    smallPeer.socket.write(partOf(45_000, 30_000));
    largePeer.socket.write(partOf(MIB, 300_000));
    await eventually(() => large.isClosed, 'the close');
    const { reason, errors } = stage.history.of(large);
    assert.deepEqual([reason, (errors[0] as NodeJS.ErrnoException).code], ['held_full', 'ERR_HELD_BYTES_FULL']);
    await eventually(() => small.heldBytes >= 30_000, 'the other one');
    assert(small.heldBytes <= 100_000, `${small.heldBytes} bytes`);
    assert.equal(server.statistics().engine.heldBytes, small.heldBytes);
    smallPeer.socket.write(Buffer.alloc(15_000));
    await eventually(() => small.heldBytes === 0, 'the message is complete');
    assert.equal(server.statistics().connections.closesByReason.held_full, 1);
  });

  scene('memory of a large message that is used again does not exceed what a connection may hold', async (stage) => {
    let received = 0;
    const message = (_: unknown, { length }: Buffer): void => {
      received += length;
    };
    const large = await stage.listen({ framing, message } as never);
    (await stage.peer(large)).socket.write(partOf(200_000, 200_000));
    await eventually(() => received === 200_000, 'the large message');
    const server = await stage.listen({ framing, message, limits: { heldBytesMax: 100_000 } } as never);
    const [[connection, { socket }]] = (await connections(stage, server, 1)) as [[Connection, PeerClient]];
    const bytes = partOf(60_000, 60_000);
    for (let place = 0; place < bytes.length; place += 20_001) {
      socket.write(bytes.subarray(place, place + 20_001));
      const arrived = Math.min(place + 20_001, bytes.length);
      await eventually(() => connection.bytesRead === arrived || connection.isClosed, `${arrived} bytes`);
    }
    assert.deepEqual([received, connection.isClosed], [260_000, false]);
  });

  scene(
    'if all connections together hold too much, the one that holds the most is closed: engine_held_full',
    async (stage) => {
      const server = await stage.listen({ framing, message: ignore, error: ignore });
      const pairs = await connections(stage, server, 4);
      const sizes = [100_000, 200_000, 50_000, 100_000];
      for (const [index, [connection, { socket }]] of pairs.entries()) {
        const size = sizes[index] as number;
        socket.write(partOf(MIB, size));
        await eventually(() => connection.heldBytes >= size || connection.isClosed, `message ${index}`);
      }
      await eventually(() => server.connectionsCount === 3, 'the close');
      const [first, most, third, last] = pairs.map(([connection]) => connection);
      assert.equal(stage.history.of(most as Connection).reason, 'engine_held_full');
      const held = [first, third, last].reduce((sum, connection) => sum + (connection as Connection).heldBytes, 0);
      assert.equal(stage.engine.heldBytes, held);
      assert.equal(server.statistics().connections.closesByReason.engine_held_full, 1);
    },
    { engine: { engineHeldBytesMax: 400_000 } },
  );

  scene('an unfinished message takes at most twice its bytes, and at most its limit', async (stage) => {
    const { connection, peer } = await stage.pair({ framing, message: ignore });
    peer.socket.write(partOf(MIB, 0));
    let sent = 4;
    for (const byteLength of [1000, 10_000, 200_000, 600_000]) {
      peer.socket.write(Buffer.alloc(byteLength));
      sent += byteLength;
      await eventually(() => connection.bytesRead === sent, `${sent} bytes`);
      const { heldBytes } = connection;
      assert(heldBytes >= sent && heldBytes <= Math.min(2 * sent + 512, MIB + 4), `${heldBytes} hold ${sent}`);
    }
  });

  scene('the longest allowed message is held, even if it is longer than the default of heldBytesMax', async (stage) => {
    const longest = 20 * MIB;
    let seen = 0;
    const { connection, peer } = await stage.pair({
      framing: lengthPrefixed({ messageBytesMax: longest }) as Framing<never, never>,
      message: (_, message) => {
        seen = (message as Buffer).length;
      },
    });
    peer.socket.end(Buffer.concat([partOf(longest, 0), Buffer.alloc(longest)]));
    await eventually(() => connection.isClosed, 'the end');
    assert.deepEqual([seen, stage.history.reasons], [longest, ['finished']]);
  });
}

function messageTimes(subject: EngineSubject): void {
  const scene = scenes(subject);
  const framing = delimited() as Framing<never, never>;

  scene('a message that arrives too slowly closes its connection: message_timeout', async (stage) => {
    const { server, connection, peer } = await stage.pair({
      framing,
      message: () => undefined,
      timeouts: { messageMs: LIMIT_MS },
    });
    const began = performance.now();
    peer.socket.write('whole\nbegun');
    const trickle = setInterval(() => peer.socket.write('x'), 10);
    await eventually(() => connection.isClosed, 'the close');
    clearInterval(trickle);
    const took = performance.now() - began;
    assert.deepEqual(stage.history.reasons, ['message_timeout']);
    assert(took >= LIMIT_MS, `closed after ${took} ms`);
    assert.equal(server.statistics().connections.closesByReason.message_timeout, 1);
  });

  scene('messages that are complete in time never time out, nor does the silence between them', (stage) =>
    onceInTime(async () => {
      let messages = 0;
      const { connection, peer } = await stage.pair({
        framing,
        message: () => {
          messages++;
        },
        timeouts: { messageMs: 2 * LIMIT_MS },
      });
      for (let round = 1; round <= 8; round++) {
        peer.socket.write('one and a half\nand the ');
        await eventually(() => messages === 2 * round - 1, 'the first');
        await new Promise((resolve) => setTimeout(resolve, LIMIT_MS / 3));
        peer.socket.write('rest\n');
        await eventually(() => messages === 2 * round, 'the second');
      }
      await new Promise((resolve) => setTimeout(resolve, 3 * LIMIT_MS));
      assert.equal(connection.closing, false);
    }),
  );

  scene('the message timeout does not run while a connection is paused, and restarts on resume', async (stage) => {
    const { connection, peer } = await stage.pair({
      framing,
      message: () => undefined,
      timeouts: { messageMs: LIMIT_MS },
    });
    peer.socket.write('begun');
    await eventually(() => connection.bytesRead === 5, 'the beginning');
    connection.pause();
    await new Promise((resolve) => setTimeout(resolve, 2 * LIMIT_MS));
    assert.equal(connection.closing, false);
    const began = performance.now();
    connection.resume();
    await eventually(() => connection.isClosed, 'the close');
    assert(performance.now() - began >= LIMIT_MS);
    assert.deepEqual(stage.history.reasons, ['message_timeout']);
  });

  scene('the message timeout does not run for messages that wait for the program', async (stage) => {
    const seen: string[] = [];
    const { connection, peer } = await stage.pair({
      framing,
      message(connection, message) {
        seen.push(String(message));
        connection.pause();
      },
      timeouts: { messageMs: LIMIT_MS },
    });
    peer.socket.write('1\n2\n3\nbegun');
    for (let round = 1; round <= 3; round++) {
      await eventually(() => seen.length === round, `message ${round}`);
      await new Promise((resolve) => setTimeout(resolve, LIMIT_MS));
      assert.equal(connection.closing, false);
      connection.resume();
    }
    await eventually(() => connection.isClosed, 'the close');
    assert.deepEqual([seen, stage.history.reasons], [['1', '2', '3'], ['message_timeout']]);
  });

  scene('a limit of 0 means no limit', async (stage) => {
    const { connection, peer } = await stage.pair({
      framing,
      message: () => undefined,
      timeouts: { messageMs: 0, firstByteMs: 0 },
    });
    peer.socket.write('begun');
    await eventually(() => connection.bytesRead === 5, 'the beginning');
    assert.equal(stage.engine.core.wheel.count, 0);
  });
}

export function holding(subject: EngineSubject): void {
  pausedOnes(subject);
  awaitedOnes(subject);
  caps(subject);
  messageTimes(subject);
}
