/** Writes to a socket: their order, their callbacks, their memory and their limits. */

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connectionOf } from 'overlapped/net';
import { eventually } from '../support/harness.js';
import { bytesOf, withPair } from './pair.js';

const MIB = 1024 * 1024;
const LARGE_BYTES = 200 * MIB;

export function writing(): void {
  withPair('a small buffer that is filled again after each write is sent as it was', async ({ client, accepted }) => {
    const buffer = Buffer.alloc(1000);
    for (let value = 0; value < 100; value++) {
      buffer.fill(value);
      client.write(buffer);
    }
    client.end();
    const received = await bytesOf(accepted);
    const expected = Buffer.concat(Array.from({ length: 100 }, (_, value) => Buffer.alloc(1000, value)));
    assert(received.equals(expected));
  });

  withPair('a large buffer that the system took may be filled again at once', async ({ client, accepted }) => {
    const buffer = Buffer.alloc(64 * 1024);
    const expected = createHash('sha1');
    const received = createHash('sha1');
    accepted.on('data', (chunk) => received.update(chunk));
    for (let value = 0; value < 100; value++) {
      buffer.fill(value);
      expected.update(buffer);
      client.write(buffer);
      if (client.writableLength > 0) {
        await once(client, 'drain');
      }
    }
    client.end();
    await once(accepted, 'end');
    assert.equal(received.digest('hex'), expected.digest('hex'));
  });

  withPair('small and large pieces of one write keep their order', async ({ client, accepted }) => {
    const pieces = [
      'head',
      Buffer.alloc(100_000, 'a'),
      '',
      'middle',
      Buffer.alloc(20_000, 'b'),
      'é'.repeat(30_000),
      'end',
    ];
    client.write('before');
    client.cork();
    for (const piece of pieces) {
      client.write(piece);
    }
    client.uncork();
    client.end();
    const expected = Buffer.concat([Buffer.from('before'), ...pieces.map((piece) => Buffer.from(piece))]);
    assert((await bytesOf(accepted)).equals(expected));
    assert.equal(client.bytesWritten, expected.length);
  });

  withPair('small writes of one tick are all taken at once', async ({ client, accepted }) => {
    for (let count = 0; count < 100; count++) {
      assert.equal(client.write('x'.repeat(1000)), true);
    }
    assert.equal(client.writableLength, 0);
    assert.equal(client.bytesWritten, 100_000);
    client.end();
    assert.equal((await bytesOf(accepted)).length, 100_000);
  });

  withPair('the callback of a small write comes once the system has its bytes', async ({ client }) => {
    const connection = connectionOf(client);
    await new Promise<void>((resolve, reject) => {
      client.write('hello', (error) => {
        assert.equal(connection?.bytesWritten, 5);
        error ? reject(error) : resolve();
      });
      assert.equal(connection?.bytesWritten, 0);
    });
  });

  withPair('bytes that were written before destroy leave', async ({ client, accepted }) => {
    client.write('a');
    client.write(Buffer.alloc(100_000, 'b'));
    client.write('c');
    client.destroy();
    const received = await bytesOf(accepted);
    assert.equal(received.length, 100_002);
    assert.equal(received.at(-1), 'c'.charCodeAt(0));
  });

  withPair('200 MiB in one write arrive, and the caps do not refuse them', async ({ client, accepted }) => {
    const block = randomBytes(MIB);
    const data = Buffer.alloc(LARGE_BYTES);
    const sent = createHash('sha1');
    for (let offset = 0; offset < LARGE_BYTES; offset += MIB) {
      block[0] = offset / MIB;
      data.set(block, offset);
      sent.update(block);
    }
    const received = createHash('sha1');
    accepted.on('data', (chunk) => received.update(chunk));
    const ended = once(accepted, 'end');
    await new Promise<void>((resolve, reject) => {
      client.end(data, undefined);
      client.once('finish', resolve).once('error', reject);
    });
    await ended;
    assert.equal(accepted.bytesRead, LARGE_BYTES);
    assert.equal(client.bytesWritten, LARGE_BYTES);
    assert.equal(received.digest('hex'), sent.digest('hex'));
  });

  withPair('a peer that does not read holds the writer up, in bounded memory', async ({ client, accepted }) => {
    accepted.pause();
    const piece = Buffer.alloc(16 * 1024);
    let written = 0;
    while (written < 64 * MIB && client.write(piece)) {
      written += piece.length;
    }
    await eventually(() => connectionOf(client)?.bytesWritten !== 0, 'the first bytes');
    while (written < 64 * MIB) {
      // Bounded by the buffers of the system and of the engine: the writer stops long before.
      if (!client.write(piece)) {
        break;
      }
      written += piece.length;
      await new Promise(setImmediate);
    }
    assert(written < 64 * MIB);
    assert((connectionOf(client)?.queuedBytes ?? 0) < 2 * MIB);
    accepted.resume();
    await once(client, 'drain');
  });

  withPair('text in other encodings, and in several pieces, arrives', async ({ client, accepted }) => {
    client.cork();
    client.write('é', 'latin1');
    client.write('é', 'utf8');
    client.write('ff00', 'hex');
    client.write('aé', 'utf16le');
    client.uncork();
    client.end();
    assert.deepEqual(
      await bytesOf(accepted),
      Buffer.concat([Buffer.from([0xe9]), Buffer.from('é'), Buffer.from([0xff, 0]), Buffer.from('aé', 'utf16le')]),
    );
  });

  withPair(
    'a corked socket sends nothing before it is uncorked, and counts what it holds',
    async ({ client, accepted }) => {
      client.cork();
      assert.equal(client.write('é', 'latin1'), true);
      client.write(Buffer.from('bytes'));
      client.write('');
      assert.deepEqual([client.writableLength, client.bytesWritten, connectionOf(client)?.queuedBytes], [6, 6, 0]);
      client.cork();
      client.uncork();
      assert.equal(client.writableLength, 6);
      // Only the stream can write this: what was written before leaves before it.
      client.write('ff', 'hex');
      client.write('é');
      client.end('end');
      const expected = Buffer.concat([
        Buffer.from([0xe9]),
        Buffer.from('bytes'),
        Buffer.from([0xff]),
        Buffer.from('éend'),
      ]);
      assert.deepEqual(await bytesOf(accepted), expected);
      assert.equal(client.bytesWritten, expected.length);
    },
  );

  withPair(
    'callbacks of writes come in the order of the writes, of small and large ones',
    async ({ client, accepted }) => {
      const calls: number[] = [];
      accepted.resume();
      await new Promise<void>((resolve) => {
        for (let index = 0; index < 20; index++) {
          const piece = index % 3 === 2 ? Buffer.alloc(100_000) : 'x';
          if (index % 5 === 3) {
            client.cork();
            client.write('y', () => calls.push(index));
            client.write('');
            client.uncork();
          } else {
            client.write(piece, () => calls.push(index));
          }
        }
        client.write('last', () => resolve());
      });
      assert.deepEqual(
        calls,
        Array.from({ length: 20 }, (_, index) => index),
      );
    },
  );

  withPair('writes that a corked socket holds fail when it is destroyed, each once', async ({ client }) => {
    const errors: unknown[] = [];
    client.cork();
    client.write('a', (error) => errors.push(error));
    client.write('b', (error) => errors.push(error));
    client.destroy();
    client.uncork();
    await once(client, 'close');
    assert.deepEqual(
      errors.map((error) => (error as NodeJS.ErrnoException).code),
      ['ERR_STREAM_DESTROYED', 'ERR_STREAM_DESTROYED'],
    );
  });

  withPair('a write above the high-water mark returns false, and drain follows', async ({ client, accepted }) => {
    accepted.resume();
    client.cork();
    const size = client.writableHighWaterMark / 2;
    assert.equal(client.write(Buffer.alloc(size)), true);
    assert.equal(client.write(Buffer.alloc(size)), false);
    client.uncork();
    await once(client, 'drain');
    assert.equal(client.writableLength, 0);
  });

  withPair(
    'the stream counts no bytes that only a callback waits for: no drain would follow',
    async ({ client, accepted }) => {
      accepted.resume();
      client.write(Buffer.alloc(1000), () => undefined);
      await new Promise<void>((resolve) => process.nextTick(resolve));
      client.cork();
      assert.equal(client.write(Buffer.alloc(client.writableHighWaterMark - 500)), true);
      assert.ok(client.writableLength < client.writableHighWaterMark);
      client.uncork();
      client.end();
      await once(accepted, 'end');
    },
  );

  withPair('a write to a peer that has reset fails, and its callback gets the error', async ({ client, accepted }) => {
    client.resetAndDestroy();
    await once(accepted, 'close').catch(() => undefined);
    const error = await new Promise<Error | null | undefined>((resolve) => accepted.write('x', resolve));
    assert.equal((error as NodeJS.ErrnoException).code, 'ERR_STREAM_DESTROYED');
  });
}
