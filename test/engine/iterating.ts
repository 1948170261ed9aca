/** The async iterator of a connection as an iterator: its order, its three calls, and how it is held up. */

import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { setTimeout as after } from 'node:timers/promises';
import { eventually, sha256, someBytes } from '../support/harness.js';
import { type EngineSubject, portOf, scenes } from './subject.js';

const MIB = 1024 * 1024;

export function iterating(subject: EngineSubject): void {
  const scene = scenes(subject);

  scene('calls of next resolve in order, and after the end they are done', async (stage) => {
    const { connection, peer } = await stage.pair();
    const iterator = connection[Symbol.asyncIterator]();
    const order: string[] = [];
    const calls = ['first', 'second', 'third', 'fourth'].map(async (name) => {
      const { done, value } = await iterator.next();
      order.push(name);
      return done === true ? 'done' : String(value);
    });
    // One byte cannot come in parts.
    peer.socket.write('1');
    await eventually(() => order.length === 1, 'the first');
    peer.socket.write('2');
    await eventually(() => order.length === 2, 'the second');
    peer.socket.end();
    assert.deepEqual(await Promise.all(calls), ['1', '2', 'done', 'done']);
    assert.deepEqual(order, ['first', 'second', 'third', 'fourth']);
    assert.deepEqual(await iterator.next(), { done: true, value: undefined });
  });

  scene('return and throw settle pending calls and destroy the connection', async (stage) => {
    const problem = new Error('mine');
    for (const gives of ['return', 'throw'] as const) {
      const { connection, peer } = await stage.pair({ error: () => undefined });
      const iterator = connection[Symbol.asyncIterator]();
      const waiting = [iterator.next(), iterator.next()];
      if (gives === 'return') {
        assert.deepEqual(await iterator.return?.('value'), { done: true, value: 'value' });
      } else {
        await assert.rejects(iterator.throw?.(problem) as Promise<unknown>, problem);
      }
      for (const result of [...(await Promise.all(waiting)), await iterator.next()]) {
        assert.deepEqual(result, { done: true, value: undefined });
      }
      await eventually(() => connection.isClosed && peer.ended, 'the close');
      const { errors, reason } = stage.history.of(connection);
      assert.deepEqual([errors, reason], [[], 'destroyed']);
    }
  });

  scene("an error thrown into a delegating generator is the generator's own, as with Node's streams", async (stage) => {
    async function* through(source: AsyncIterable<unknown>) {
      yield* source;
    }
    const { connection, peer } = await stage.pair();
    peer.socket.write('x');
    for (const source of [Readable.from(['x', 'y']), connection]) {
      const generator = through(source);
      await generator.next();
      await assert.rejects(generator.throw(new Error('mine')), /mine/);
      assert.deepEqual(await generator.next(), { done: true, value: undefined });
    }
    await eventually(() => connection.isClosed, 'the close');
  });

  scene('bytes written in a loop are sent after the loop is left', async (stage) => {
    const { connection, peer } = await stage.pair();
    peer.socket.write('x');
    const data = someBytes(300_000);
    for await (const _ of connection) {
      connection.write(data);
      break;
    }
    await eventually(() => peer.ended && connection.isClosed, 'the end');
    assert.equal(sha256(peer.data), sha256(data));
  });

  for (const waits of [false, true]) {
    scene(`a slow reader holds up a loop that ${waits ? 'awaits drained()' : 'awaits nothing'}`, async (stage) => {
      let most = 0;
      const server = await stage.listen({
        async open(connection) {
          for await (const chunk of connection) {
            if (!connection.write(chunk) && waits) {
              await connection.drained();
              assert(connection.queuedBytes <= 256 * 1024);
            }
            most = Math.max(most, connection.queuedBytes);
          }
        },
      });
      const peer = await stage.peer(server);
      peer.socket.pause();
      const data = someBytes(64 * MIB);
      peer.socket.end(data);
      await after(300);
      peer.socket.resume();
      await eventually(() => peer.ended, 'the end', 60_000);
      assert.equal(peer.bytes, data.byteLength);
      assert.equal(sha256(peer.data), sha256(data));
      assert(most <= 768 * 1024, `${most} bytes were queued`);
    });
  }

  scene('drained waits until half of the high-water mark, and rejects if nothing can be written', async (stage) => {
    const { connection, client } = await stage.ends({ error: () => undefined });
    await connection.drained();
    client.pause();
    assert.equal(connection.write(someBytes(8 * MIB)), false);
    const both = Promise.all([connection.drained(), connection.drained()]);
    await after(20);
    assert(connection.queuedBytes > 0);
    client.resume();
    await both;
    assert(connection.queuedBytes <= 256 * 1024);

    client.pause();
    connection.write(someBytes(8 * MIB));
    const closed = assert.rejects(connection.drained(), { code: 'ERR_STREAM_PREMATURE_CLOSE', message: /reset/ });
    connection.reset();
    await closed;
    await assert.rejects(connection.drained(), { code: 'ERR_STREAM_PREMATURE_CLOSE' });

    const ended = await stage.connect({ port: portOf(await stage.listen({})) });
    ended.end();
    await assert.rejects(ended.drained(), { code: 'ERR_STREAM_WRITE_AFTER_END' });
  });
}
