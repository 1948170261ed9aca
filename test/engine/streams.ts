/** Connections as streams: the async iterator, and Node's Duplex. */

import assert from 'node:assert/strict';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as after } from 'node:timers/promises';
import type { Connection, ListenOptions } from 'overlapped';
import { delimited } from 'overlapped/framing';
import { FIN_SENT } from '../../src/engine/connection-core/state.js';
import { COPY_BYTES_MAX } from '../../src/engine/writing/write-queue.js';
import { eventually, sha256, someBytes } from '../support/harness.js';
import { type EngineSubject, portOf, scenes } from './subject.js';

const MIB = 1024 * 1024;

async function readAll(connection: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of connection) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Upper case of the received bytes, some time later. */
function slowUpperCase(): Transform {
  return new Transform({
    transform(chunk, _encoding, done) {
      setTimeout(() => done(null, String(chunk).toUpperCase()), 5);
    },
  });
}

/** Writes one piece after the other until `write` returns false; returns the bytes. */
export async function flood(connection: Connection, bytesMax: number): Promise<number> {
  const piece = someBytes(64 * 1024);
  let bytes = 0;
  while (bytes < bytesMax && connection.write(piece)) {
    bytes += piece.byteLength;
    await after(1);
  }
  return bytes;
}

function iterating(subject: EngineSubject): void {
  const scene = scenes(subject);

  scene('for await yields copies of all chunks, and ends with the peer', async (stage) => {
    let read: Promise<Buffer> | undefined;
    const { peer, connection } = await stage.pair({
      open(connection) {
        read = readAll(connection);
      },
    });
    const data = someBytes(3 * MIB);
    peer.socket.end(data);
    assert.equal(sha256((await read) as Buffer), sha256(data));
    await eventually(() => connection.isClosed && peer.ended, 'the close');
    assert.deepEqual(stage.history.reasons, ['finished']);
  });

  scene('both ends may echo in a loop', async (stage) => {
    const server = await stage.listen({
      async open(connection) {
        for await (const chunk of connection) {
          connection.write(chunk);
        }
      },
    });
    const client = await stage.connect({ port: portOf(server) });
    const data = someBytes(MIB);
    client.end(data);
    assert.equal(sha256(await readAll(client)), sha256(data));
    await eventually(() => stage.history.complete, 'the closes');
    assert.deepEqual(stage.history.reasons, ['finished', 'finished']);
  });

  scene('bytes that arrive before the loop starts are not lost', async (stage) => {
    const server = await stage.listen({ open: (connection) => connection.end('at once') });
    const client = await stage.connect({ port: portOf(server) });
    await after(50);
    assert.equal(client.closing, false);
    assert.equal((await readAll(client)).toString(), 'at once');
    await eventually(() => stage.history.complete, 'the closes');
    assert.deepEqual(stage.history.reasons, ['finished', 'finished']);
    assert.equal((await readAll(client).catch((error) => error)).code, 'ERR_ALREADY_READ');
  });

  scene('a stopped loop holds up the peer', async (stage) => {
    const { connection, peer } = await stage.pair();
    const iterator = connection[Symbol.asyncIterator]();
    const data = someBytes(16 * MIB);
    peer.socket.end(data);
    const first = await iterator.next();
    await after(100);
    assert(connection.bytesRead <= 64 * 1024 + 64 * 1024 + (first.value?.byteLength ?? 0));
    assert(stage.engine.core.port.statistics().buffersLent <= 64);
    const rest = await readAll(iterator);
    assert.equal(sha256(Buffer.concat([first.value as Buffer, rest])), sha256(data));
  });

  scene('leaving the loop destroys the connection', async (stage) => {
    const { connection, peer } = await stage.pair();
    // One byte comes in one piece: nothing is left unread, which would reset the peer.
    peer.socket.write('x');
    for await (const chunk of connection) {
      assert.equal(chunk.toString(), 'x');
      break;
    }
    await eventually(() => connection.isClosed && peer.ended, 'the close');
    assert.deepEqual(stage.history.reasons, ['destroyed']);
  });

  scene("the loop throws the connection's error after the received bytes", async (stage) => {
    const { connection, peer } = await stage.pair({ error: () => undefined });
    const iterator = connection[Symbol.asyncIterator]();
    peer.socket.write('last words');
    const pieces: Buffer[] = [];
    while (Buffer.concat(pieces).byteLength < 10) {
      pieces.push((await iterator.next()).value as Buffer);
    }
    assert.equal(String(Buffer.concat(pieces)), 'last words');
    const waiting = [iterator.next(), iterator.next()] as const;
    peer.socket.resetAndDestroy();
    await assert.rejects(waiting[0], { code: 'ECONNRESET' });
    assert.deepEqual(await waiting[1], { done: true, value: undefined });
    assert.deepEqual(await iterator.next(), { done: true, value: undefined });
    await eventually(() => connection.isClosed, 'the close');
    assert.deepEqual(
      stage.history.of(connection).events,
      ['open', 'error', 'close'],
      'the own handlers hear of it too',
    );
  });

  scene("the loop throws with the reason if the connection closes before the peer's end", async (stage) => {
    const { connection } = await stage.pair({ timeouts: { idleMs: 60 } });
    await assert.rejects(readAll(connection), { code: 'ERR_STREAM_PREMATURE_CLOSE', message: /idle/ });
  });

  scene('with allowHalfOpen our side stays open after the loop', async (stage) => {
    const { connection, peer } = await stage.pair({ allowHalfOpen: true });
    peer.socket.end('question');
    assert.equal((await readAll(connection)).toString(), 'question');
    await after(20);
    connection.end('answer');
    await eventually(() => peer.ended && connection.isClosed, 'the end');
    assert.equal(peer.data.toString(), 'answer');
  });

  scene('a connection has one reader', async (stage) => {
    const { connection } = await stage.pair({ data: () => undefined });
    for (const take of [
      () => connection.toDuplex(),
      () => connection.toWeb(),
      () => connection[Symbol.asyncIterator](),
    ]) {
      assert.throws(take, { code: 'ERR_ALREADY_READ', message: /handler data/ });
    }
    const server = await stage.listen({});
    const client = await stage.connect({ port: portOf(server) });
    client.toDuplex();
    assert.throws(() => client.toWeb(), { code: 'ERR_ALREADY_READ', message: /stream/ });
  });

  scene('a connection with framing cannot be read as a stream', async (stage) => {
    for (const options of [{ message: () => undefined }, {}]) {
      const { connection, peer } = await stage.pair({ ...options, framing: delimited() });
      for (const take of [
        () => connection.toDuplex(),
        () => connection.toWeb(),
        () => connection[Symbol.asyncIterator](),
      ]) {
        assert.throws(take, { code: 'ERR_ALREADY_READ', message: /framing/ });
      }
      peer.socket.end('a message\n');
      await eventually(() => connection.isClosed, 'the end');
    }
    assert.deepEqual(stage.history.reasons, ['finished', 'finished']);
  });
}

function duplex(subject: EngineSubject): void {
  const scene = scenes(subject);
  const echo: ListenOptions = {
    open(connection) {
      const stream = connection.toDuplex();
      pipeline(stream, stream).catch(() => undefined);
    },
  };

  scene('a pipeline from a Duplex to itself echoes', async (stage) => {
    const { peer, connection } = await stage.pair(echo);
    const data = someBytes(6 * MIB);
    peer.socket.end(data);
    await eventually(() => peer.ended, 'the end');
    assert.equal(sha256(peer.data), sha256(data));
    await eventually(() => connection.isClosed, 'the close');
    assert.deepEqual(stage.history.reasons, ['finished']);
  });

  for (const allowHalfOpen of [false, true]) {
    scene(`a slow pipeline still answers after the peer's end (allowHalfOpen: ${allowHalfOpen})`, async (stage) => {
      let done: Promise<void> | undefined;
      const { peer, connection } = await stage.pair({
        allowHalfOpen,
        open(connection) {
          const stream = connection.toDuplex();
          // Without allowHalfOpen Node ends a Duplex as soon as its end was read; a slower reader must set it.
          done = pipeline(
            stream,
            slowUpperCase(),
            async function* (source) {
              const all: Buffer[] = [];
              for await (const chunk of source) {
                all.push(chunk as Buffer);
              }
              yield Buffer.concat(all);
            },
            allowHalfOpen
              ? stream
              : async (source) => {
                  assert.equal((await readAll(source)).toString(), 'HELLO');
                },
          );
        },
      });
      peer.socket.end('hello');
      await done;
      await eventually(() => peer.ended && connection.isClosed, 'the end');
      assert.equal(peer.data.toString(), allowHalfOpen ? 'HELLO' : '');
      assert.deepEqual(stage.history.reasons, ['finished']);
    });
  }

  scene('backpressure works in both directions of a Duplex', async (stage) => {
    const { connection, client } = await stage.ends();
    const stream = connection.toDuplex();
    stream.read(0);
    const bytes = await flood(client, 32 * MIB);
    assert(bytes < 32 * MIB);
    assert(connection.bytesRead <= 64 * 1024 + 64 * 1024);
    let written = 0;
    while (written < 32 * MIB && stream.write(Buffer.alloc(16 * 1024))) {
      written += 16 * 1024;
      await after(1);
    }
    assert(written < 32 * MIB);
    assert(connection.queuedBytes <= 512 * 1024 + COPY_BYTES_MAX);
  });

  scene("bytes written to a Duplex may be changed once the write's callback was called", async (stage) => {
    const { connection, peer } = await stage.pair();
    const stream = connection.toDuplex();
    const piece = Buffer.alloc(100_000);
    for (let round = 1; round <= 20; round++) {
      piece.fill(round);
      await new Promise((resolve) => stream.write(piece, resolve));
      piece.fill(0);
    }
    stream.write('text ');
    stream.write('746578740a', 'hex');
    stream.end();
    await eventually(() => peer.ended, 'the end');
    for (let round = 1; round <= 20; round++) {
      const part = peer.data.subarray((round - 1) * piece.byteLength, round * piece.byteLength);
      assert(
        part.every((byte) => byte === round),
        `piece ${round}`,
      );
    }
    assert.equal(peer.data.subarray(20 * piece.byteLength).toString(), 'text text\n');
  });

  scene(
    'a write to a Duplex fails if our side ended before the Duplex was created',
    async (stage) => {
      const { connection, peer } = await stage.endedByPeer();
      const stream = connection.toDuplex().on('error', () => undefined);
      const error = await new Promise((resolve) => stream.write('more', resolve));
      assert.equal((error as NodeJS.ErrnoException | undefined)?.code, 'ERR_STREAM_WRITE_AFTER_END');
      peer.socket.resume();
      await eventually(() => stream.closed && connection.isClosed, 'the close');
    },
    { needs: 'sendsAfterEnd' },
  );

  scene('a Duplex finishes if its connection is ended directly', async (stage) => {
    const { connection, peer } = await stage.pair({ allowHalfOpen: true });
    const stream = connection.toDuplex();
    stream.write('hello');
    connection.end();
    await eventually(() => (connection.flags & FIN_SENT) !== 0, 'our end');
    const finished = new Promise((resolve) => stream.once('finish', resolve).once('error', resolve));
    stream.end();
    assert.equal(await finished, undefined);
    peer.socket.end();
    stream.resume();
    await eventually(() => stream.closed && connection.isClosed && peer.ended, 'the close');
    assert.deepEqual([peer.data.toString(), ...stage.history.reasons], ['hello', 'finished']);
  });

  scene('destroying a Duplex destroys its connection and reports the error', async (stage) => {
    const { connection, peer } = await stage.pair({ error: () => undefined });
    const stream = connection.toDuplex();
    const problem = new Error('Not wanted');
    const seen: unknown[] = [];
    stream.on('error', (error) => seen.push(error)).on('close', () => seen.push('close'));
    stream.destroy(problem);
    await eventually(() => connection.isClosed && stream.closed && (peer.ended || peer.closed), 'the close');
    assert.deepEqual(seen, [problem, 'close']);
    const { errors, reason } = stage.history.of(connection);
    assert.deepEqual([errors, reason], [[problem], 'destroyed']);
  });

  scene("a failure of the connection is the Duplex's error", async (stage) => {
    const { connection, peer } = await stage.pair();
    const stream = connection.toDuplex();
    const reading = readAll(stream).catch((error) => error);
    peer.socket.resetAndDestroy();
    assert.equal((await reading).code, 'ECONNRESET');
    await eventually(() => stream.closed, 'the close');
  });

  scene('a pipeline fails if a limit closes its connection', async (stage) => {
    const { connection } = await stage.pair({ timeouts: { idleMs: 60 } });
    const stream = connection.toDuplex();
    await assert.rejects(pipeline(stream, slowUpperCase(), readAll), { code: 'ERR_STREAM_PREMATURE_CLOSE' });
    assert.deepEqual(stage.history.reasons, ['idle_timeout']);
  });

  scene('a throwing listener of a Duplex closes only its own connection', async (stage) => {
    const { server, connection, peer } = await stage.pair({ error: () => undefined });
    const stream = connection.toDuplex();
    stream
      .on('error', () => undefined)
      .on('data', () => {
        throw new TypeError('Thrown by a listener');
      });
    await after(5);
    peer.socket.write('hello');
    await eventually(() => stream.closed && server.connectionsCount === 0, 'the close');
    assert.deepEqual(stage.history.reasons, ['handler_error']);
  });

  scene('closing the server lets a stream finish its work', async (stage) => {
    const { server, connection, peer } = await stage.pair();
    const stream = connection.toDuplex();
    stream.write('the first half, ');
    const closed = server.close();
    await after(20);
    assert.equal(connection.writable, true);
    stream.end('and the second');
    await eventually(() => peer.ended, 'the end');
    assert.equal(peer.data.toString(), 'the first half, and the second');
    peer.socket.end();
    stream.resume();
    await closed;
    assert.deepEqual(stage.history.reasons, ['finished']);
  });
}

export function streams(subject: EngineSubject): void {
  iterating(subject);
  duplex(subject);
}
