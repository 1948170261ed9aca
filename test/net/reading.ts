/** How a socket reads. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Writable } from 'node:stream';
import { connectionOf } from 'overlapped/net';
import { eventually } from '../support/harness.js';
import { bytesOf, withPair } from './pair.js';

export function reading(): void {
  withPair('chunks are the program’s: later bytes do not change them', async ({ client, accepted }) => {
    const chunks: Buffer[] = [];
    client.on('data', (chunk) => chunks.push(chunk));
    for (let value = 1; value <= 50; value++) {
      accepted.write(Buffer.alloc(100, value));
      await once(client, 'data');
    }
    const all = Buffer.concat(chunks);
    assert.equal(all.length, 5000);
    assert.deepEqual(all, Buffer.concat(Array.from({ length: 50 }, (_, index) => Buffer.alloc(100, index + 1))));
  });

  withPair('a stream that flows can be paused, decoded and read by hand at any time', async ({ client, accepted }) => {
    const heard: unknown[] = [];
    const say = async (text: string): Promise<void> => {
      accepted.write(text);
      await once(client, 'data');
    };
    client.on('data', (chunk) => heard.push(chunk));
    await say('one');
    await say('two');
    assert.deepEqual(heard, [Buffer.from('one'), Buffer.from('two')]);
    client.pause();
    accepted.write('three');
    await eventually(() => client.readableLength === 5, 'three');
    client.resume();
    await once(client, 'data');
    client.setEncoding('utf8');
    await say('four');
    assert.deepEqual(heard.slice(2), [Buffer.from('three'), 'four']);
    client.removeAllListeners('data');
    client.on('readable', () => undefined);
    accepted.end('five');
    await eventually(() => client.readableLength === 4, 'five');
    assert.equal(client.read(), 'five');
    await once(client, 'end');
  });

  withPair('a push that the program has replaced sees each chunk', async ({ client, accepted }) => {
    client.resume().on('data', () => undefined);
    accepted.write('one');
    await once(client, 'data');
    const pushed: unknown[] = [];
    const { push } = client;
    client.push = function (chunk: unknown): boolean {
      pushed.push(chunk);
      return push.call(this, chunk);
    };
    accepted.write('two');
    await once(client, 'data');
    assert.deepEqual(pushed, [Buffer.from('two')]);
  });

  withPair('a pipe that is full stops a stream that flows, and loses nothing', async ({ client, accepted }) => {
    const taken: Buffer[] = [];
    const slow = new Writable({
      highWaterMark: 1,
      write(chunk, _encoding, done) {
        taken.push(chunk);
        setImmediate(done);
      },
    });
    client.pipe(slow);
    const sent = Buffer.from(Uint8Array.from({ length: 200_000 }, (_, index) => index * 7 + (index >> 8)));
    for (let place = 0; place < sent.length; place += 1000) {
      accepted.write(sent.subarray(place, place + 1000));
      await new Promise(setImmediate);
    }
    accepted.end();
    await once(slow, 'finish');
    assert(Buffer.concat(taken).equals(sent));
  });

  withPair(
    'a time limit that was removed is not reported, and one that is set again is',
    async ({ client, accepted }) => {
      let timeouts = 0;
      client.on('timeout', () => timeouts++);
      client.setTimeout(20);
      client.setTimeout(0);
      accepted.setTimeout(60);
      await once(accepted, 'timeout');
      assert.equal(timeouts, 0);
      client.setTimeout(20);
      await once(client, 'timeout');
      client.setTimeout(20);
      await once(client, 'timeout');
      assert.equal(timeouts, 2);
      client.setTimeout(0);
      accepted.write('hello');
      await once(client.resume(), 'data');
      accepted.setTimeout(60);
      await once(accepted, 'timeout');
      assert.equal(timeouts, 2);
    },
  );

  withPair('promises go on between the bytes of a peer and its end', async ({ client, accepted }) => {
    const order: string[] = [];
    accepted.once('data', async () => {
      order.push('data');
      for (let step = 0; step < 20; step++) {
        await undefined;
        await new Promise((resolve) => process.nextTick(resolve));
      }
      order.push('promises');
    });
    accepted.once('end', () => order.push('end'));
    client.end('hello');
    await once(accepted, 'end');
    assert.deepEqual(order, ['data', 'promises', 'end']);
  });

  withPair('a paused socket reads little, and everything once it is resumed', async ({ client, accepted }) => {
    client.pause();
    accepted.end(Buffer.alloc(5_000_000, 7));
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert((connectionOf(client)?.heldBytes ?? 0) < 1_000_000);
    assert(client.readableLength < 1_000_000);
    assert.equal((await bytesOf(client)).length, 5_000_000);
  });

  withPair('no cap closes one of thousands of paused sockets for what all of them hold', async ({ accepted }) => {
    const { engine, limits } = Reflect.get(connectionOf(accepted) as object, 'group');
    assert.equal(engine.held.bytesMax, Infinity);
    assert.equal(limits.heldBytesMax, Infinity);
  });

  withPair(
    'with pauseOnConnect nothing is read before resume',
    async ({ client, accepted }) => {
      client.end('hello');
      await new Promise((resolve) => setTimeout(resolve, 20));
      assert.equal(accepted.bytesRead, 0);
      assert.equal(accepted.isPaused(), true);
      accepted.resume();
      assert.equal(String(await bytesOf(accepted)), 'hello');
    },
    { pauseOnConnect: true, allowHalfOpen: true },
  );

  withPair('an exception of a listener is uncaught, and the socket goes on', async ({ client, accepted }) => {
    const caught: unknown[] = [];
    const others = process.rawListeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.on('uncaughtException', (error) => caught.push(error.message));
    try {
      accepted.once('data', () => {
        throw new Error('thrown by a listener');
      });
      client.write('a');
      await eventually(() => caught.length > 0, 'the exception');
      const next = once(accepted, 'data');
      client.write('b');
      assert.equal(String((await next)[0]), 'b');
    } finally {
      process.removeAllListeners('uncaughtException');
      for (const listener of others) {
        process.on('uncaughtException', listener as NodeJS.UncaughtExceptionListener);
      }
    }
    assert.deepEqual(caught, ['thrown by a listener']);
    assert.equal(accepted.destroyed, false);
  });
}
