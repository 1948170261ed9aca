/** Messages instead of bytes, heartbeats, and one thing sent to many. */

import assert from 'node:assert/strict';
import { type Connection, type ConnectOptions, connect, listen, type Server } from 'overlapped';
import { commands, delimited, type Framing, lengthPrefixed } from 'overlapped/framing';
import { countingBytes, eventually } from '../support/harness.js';
import { type EngineSubject, portOf, type Stage, scenes } from './subject.js';

const HEARTBEAT_MS = 60;

/** Connects, and keeps copies of the messages that come. */
async function listener<Context>(
  stage: Stage,
  server: Server<Context>,
  options: ConnectOptions = {},
): Promise<{ connection: Connection; messages: string[] }> {
  const messages: string[] = [];
  const keep = (_: unknown, message: unknown): void => {
    messages.push(String(message));
  };
  const reader = options.framing === undefined ? { data: keep } : { message: keep };
  const connection = await stage.connect({ port: portOf(server), ...reader, ...options });
  return { connection, messages };
}

function echoing(subject: EngineSubject): void {
  const scene = scenes(subject);

  scene('messages of all sizes are echoed whole and in order', async (stage) => {
    const framing = lengthPrefixed();
    const server = await stage.listen<unknown>({
      framing,
      message: (connection, message) => connection.sendMessage(message),
    });
    const sizes = [0, 1, 3, 64, 1000, 1024, 1025, 5000, 70_000, 300_000, 2];
    const back: Buffer[] = [];
    const client = await connect({
      engine: stage.engine,
      host: '127.0.0.1',
      port: portOf(server),
      framing,
      message: (_, message) => {
        back.push(Buffer.from(message));
      },
    });
    for (let round = 0; round < 3; round++) {
      for (const size of sizes) {
        client.sendMessage(countingBytes(size));
      }
    }
    await eventually(() => back.length === 3 * sizes.length, 'all messages');
    for (const [index, message] of back.entries()) {
      assert.deepEqual(message, countingBytes(sizes[index % sizes.length] as number), `message ${index}`);
    }
    client.end();
    await eventually(() => client.isClosed, 'the end');
  });

  scene('a plain client can send commands and lines', async (stage) => {
    const seen: string[] = [];
    const server = await listen({
      engine: stage.engine,
      host: '127.0.0.1',
      port: 0,
      framing: commands({ lengthSize: 2, commandSize: 1 }),
      message: (_, { command, body }) => {
        seen.push(`${command} ${String(body)}`);
      },
    });
    const peer = await stage.peer(server);
    peer.socket.write(Buffer.from([0, 3, 7, 97, 98, 99, 0, 0, 8]));
    await eventually(() => seen.length === 2, 'two commands');
    assert.deepEqual(seen, ['7 abc', '8 ']);
    const lines = await stage.listen({
      framing: delimited(),
      message: (connection, line) => connection.sendMessage(Buffer.from(String(line).toUpperCase())),
    });
    const other = await stage.peer(lines);
    other.socket.write('one\ntw');
    other.socket.write('o\n');
    await eventually(() => other.data.toString() === 'ONE\nTWO\n', 'two lines');
  });

  scene('an invalid or incomplete message closes only its own connection', async (stage) => {
    const server = await stage.listen({
      framing: lengthPrefixed({ messageBytesMax: 1000 }),
      message: (connection, message) => connection.sendMessage(message),
      error: () => undefined,
    });
    const { messages, connection } = await listener(stage, server, { framing: lengthPrefixed() });
    const garbage = await stage.peer(server);
    garbage.socket.write(Buffer.from([0xff, 0xff, 0xff, 0xff, 1, 2, 3]));
    const half = await stage.peer(server);
    half.socket.end(Buffer.from([0, 0, 0, 5, 1]));
    const reasons = (): number => server.statistics().connections.closesByReason.framing_error;
    await eventually(() => reasons() === 2, 'both are closed');
    connection.sendMessage(Buffer.from('still here'));
    await eventually(() => messages.length === 1, 'the other one is served');
    const { errorsByCode } = server.statistics();
    assert.deepEqual([errorsByCode.ERR_FRAME_TOO_LARGE, errorsByCode.ERR_FRAME_INVALID], [1, 1]);
  });

  scene('a framing that claims to need too many bytes decodes them at the end of the stream', async (stage) => {
    const seen: string[] = [];
    const framing: Framing<string> = {
      decode(bytes, emit) {
        const end = bytes.indexOf('.') + 1;
        if (end > 0) {
          emit(bytes.toString('latin1', 0, end));
        }
        return end;
      },
      bytesNeeded: () => 100,
      encode: (message) => message,
      frameBytesMax: 100,
    };
    const server = await listen({
      engine: stage.engine,
      host: '127.0.0.1',
      port: 0,
      framing,
      limits: { messagesPerRoundMax: 1 },
      message: (_, message) => {
        seen.push(message);
      },
      end: () => {
        seen.push('end');
      },
      error: () => undefined,
    });
    for (const [rest, expected] of [
      ['.b.', ['a.', 'b.', 'end']],
      ['.b.c', ['a.', 'b.']],
    ] as const) {
      const { bytesRead } = server.statistics();
      seen.length = 0;
      const peer = await stage.peer(server);
      peer.socket.write('a');
      await eventually(() => server.statistics().bytesRead === bytesRead + 1, 'the first byte');
      peer.socket.end(rest);
      await eventually(() => server.statistics().connections.open === 0, 'the close');
      assert.deepEqual(seen, expected);
    }
    assert.equal(server.statistics().connections.closesByReason.framing_error, 1);
  });

  scene('a connection paused in its message handler gets the next message on resume', async (stage) => {
    const seen: string[] = [];
    const { connection, peer } = await stage.pair({
      framing: delimited(),
      limits: { messagesPerRoundMax: 2 },
      message: (connection, message) => {
        seen.push(String(message));
        if (seen.length % 3 === 0) {
          connection.pause();
        }
      },
    });
    peer.socket.write(Array.from({ length: 10 }, (_, index) => `${index}\n`).join(''));
    peer.socket.end();
    for (let round = 1; round <= 3; round++) {
      await eventually(() => seen.length === 3 * round && connection.paused, `${3 * round} messages`);
      connection.resume();
    }
    await eventually(() => connection.isClosed, 'the end');
    assert.equal(seen.join(''), '0123456789');
    assert.deepEqual(stage.history.reasons, ['finished']);
  });
}

function living(subject: EngineSubject): void {
  const scene = scenes(subject);

  scene('a silent peer is pinged and then closed, unless it answers', async (stage) => {
    const isPing = (message: Buffer): boolean => String(message) === 'ping';
    const isPong = (message: Buffer): boolean => String(message) === 'pong';
    const seen: string[] = [];
    const server = await stage.listen({
      framing: delimited(),
      heartbeat: { intervalMs: HEARTBEAT_MS, missedMax: 2, ping: Buffer.from('ping'), isPong },
      message: (_, message) => {
        seen.push(String(message));
      },
    });
    const silent = await stage.peer(server);
    const { connection, messages } = await listener(stage, server, {
      framing: delimited(),
      heartbeat: { intervalMs: 1_000_000, ping: Buffer.from('ping'), isPing, pong: Buffer.from('pong') },
    });
    const closed = (): number => server.statistics().connections.closesByReason.heartbeat;
    await eventually(() => closed() === 1, 'the silent one is closed');
    await eventually(() => silent.ended, 'and hears of it');
    assert.equal(silent.data.toString(), 'ping\nping\n');
    const writtenBefore = connection.bytesWritten;
    await eventually(() => connection.bytesWritten >= writtenBefore + 15, 'three answers more');
    assert.deepEqual([closed(), server.connectionsCount, seen, messages], [1, 1, [], []]);
  });
}

function many(subject: EngineSubject): void {
  const scene = scenes(subject);

  scene('a broadcast reaches all or the filtered connections, a publication the subscribers', async (stage) => {
    const framing = delimited();
    let count = 0;
    const server = await stage.listen<{ index: number }>({
      framing,
      open: (connection) => {
        connection.context = { index: count++ };
        connection.subscribe('all');
        if (connection.context.index % 2 === 0) {
          connection.subscribe('even');
        }
      },
    });
    const listeners: Awaited<ReturnType<typeof listener>>[] = [];
    for (let index = 0; index < 20; index++) {
      listeners.push(await listener(stage, server, { framing }));
      await eventually(() => server.connectionsCount === index + 1, 'the connection');
    }
    assert.equal(server.broadcastMessage(Buffer.from('everybody')), 20);
    assert.equal(
      server.broadcast('bytes\n', ({ context }) => context.index < 5),
      5,
    );
    assert.equal(server.publishMessage('even', Buffer.from('even ones')), 10);
    const [first] = server.connections();
    assert.deepEqual(
      [first?.topics, first?.unsubscribe('even'), first?.unsubscribe('even')],
      [['all', 'even'], true, false],
    );
    assert.equal(server.publish('even', 'nine\n'), 9);
    assert.equal(server.publish('nobody', 'x'), 0);
    assert.throws(() => server.broadcast(new Uint16Array(2) as never), { code: 'ERR_INVALID_ARG_TYPE' });
    const total = (): number => listeners.reduce((sum, { messages }) => sum + messages.length, 0);
    await eventually(() => total() === 44, 'all messages');
    assert.deepEqual(listeners[0]?.messages, ['everybody', 'bytes', 'even ones']);
    assert.deepEqual(listeners[2]?.messages, ['everybody', 'bytes', 'even ones', 'nine']);
    assert.deepEqual(listeners[7]?.messages, ['everybody']);
    listeners[2]?.connection.destroy();
    await eventually(() => server.connectionsCount === 19, 'one leaves');
    assert.equal(server.publish('all', 'x\n'), 19);
  });

  scene('small broadcasts of one round are sent together, and no slow connection retains them', async (stage) => {
    const { engine } = stage;
    const { server, connection, peer: slow } = await stage.pair();
    slow.socket.pause();
    const large = countingBytes(8_000_000);
    connection.write(large);
    const quick = await stage.peer(server);
    await eventually(() => server.connectionsCount === 2, 'the other connection');
    const posted = engine.core.counters.sendsPosted;
    const turns = 50;
    for (let turn = 1; turn <= turns; turn++) {
      server.broadcast('a'.repeat(100));
      server.broadcast(Buffer.from('b'.repeat(100)));
      await eventually(() => quick.bytes === turn * 200, 'both');
    }
    const sends = engine.core.counters.sendsPosted - posted;
    assert(sends >= turns && sends < turns + 20, `${sends} sends`);
    // Its own bytes fill three buffers. Of the shared ones it would keep fifty, one of each round.
    assert(engine.core.writes.blocksHeld <= 5, `${engine.core.writes.blocksHeld} chunks`);
    assert.equal(quick.data.toString(), ('a'.repeat(100) + 'b'.repeat(100)).repeat(turns));
    slow.socket.resume();
    await eventually(() => slow.bytes === large.byteLength + turns * 200, 'all');
    assert(slow.data.subarray(large.byteLength).equals(quick.data));
  });

  scene('an empty broadcast holds no memory', async (stage) => {
    const { engine } = stage;
    const { server, connection, peer } = await stage.pair();
    peer.socket.pause();
    connection.write(countingBytes(1_000_000));
    await eventually(() => engine.core.counters.sendsPosted > 0, 'the send');
    const before = engine.core.writes.blocksHeld;
    for (let count = 0; count < 20; count++) {
      server.broadcast('');
      server.broadcast('x');
      server.broadcast(Buffer.alloc(0));
    }
    assert(engine.core.writes.blocksHeld <= before + 2, `${engine.core.writes.blocksHeld} chunks`);
    peer.socket.resume();
    await eventually(() => peer.bytes === 1_000_020, 'the rest');
    assert.equal(engine.core.writes.blocksHeld, 0);
  });

  scene('a slow subscriber is limited by its own cap and does not delay others', async (stage) => {
    const server = await stage.listen({ limits: { queuedBytesMax: 4_000_000 }, error: () => undefined });
    const slow = await stage.peer(server);
    slow.socket.pause();
    const received: number[] = [0, 0, 0];
    for (const index of received.keys()) {
      await stage.connect({
        port: portOf(server),
        data: (_, chunk) => {
          received[index] = (received[index] as number) + chunk.byteLength;
        },
      });
    }
    await eventually(() => server.connectionsCount === 4, 'four connections');
    const bytes = countingBytes(200_000);
    let sent = 0;
    const full = (): boolean => server.statistics().connections.closesByReason.write_queue_full === 1;
    while (!full()) {
      server.broadcast(bytes);
      sent += bytes.byteLength;
      assert(sent < 200_000_000, 'the slow one is closed');
      await eventually(() => received.every((count) => count === sent), 'the others have all of it');
    }
    assert.equal(server.connectionsCount, 3);
  });

  scene('a closed connection cannot subscribe', async (stage) => {
    const subscribed: boolean[] = [];
    const { server, connection, peer } = await stage.pair({
      open: (connection) => subscribed.push(connection.subscribe('room')),
      close: (connection) => subscribed.push(connection.subscribe('late')),
    });
    peer.socket.destroy();
    await eventually(() => connection.isClosed, 'the close');
    subscribed.push(connection.subscribe('room'));
    assert.deepEqual([subscribed, connection.topics, server.core.topics.count], [[true, false, false], [], 0]);
  });

  scene('a client connection has no topics', async (stage) => {
    const { client } = await stage.ends({ data: () => undefined });
    assert.throws(() => client.subscribe('x'), { code: 'ERR_NO_SERVER' });
    assert.deepEqual(client.topics, []);
    assert.throws(() => client.sendMessage('x'), { code: 'ERR_FRAME_INVALID' });
  });
}

export function messages(subject: EngineSubject): void {
  echoing(subject);
  living(subject);
  many(subject);
}
