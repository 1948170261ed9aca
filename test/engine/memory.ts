/** Memory of written bytes: when the program may change it, what queued bytes retain, and which objects count as bytes. */

import assert from 'node:assert/strict';
import { runInNewContext } from 'node:vm';
import type { Connection, ListenOptions } from 'overlapped';
import { type Framing, lengthPrefixed } from 'overlapped/framing';
import { SENDING } from '../../src/engine/connection-core/state.js';
import { COPY_BYTES_MAX } from '../../src/engine/writing/write-queue.js';
import { allocateFramed } from '../../src/framing/framed-memory.js';
import { eventually, sha256, someBytes } from '../support/harness.js';
import type { PeerClient } from '../support/peer-client.js';
import { transferred } from '../support/taking-away.js';
import { type EngineSubject, portOf, type Stage, scenes } from './subject.js';

const MIB = 1024 * 1024;

/** The fill of other code's bytes: nothing that is written here contains it. */
const FOREIGN = 0x53;

/** A connection that has a send in flight, as its peer reads nothing. */
async function slowPair(
  stage: Stage,
  options: ListenOptions = {},
): Promise<{ connection: Connection; peer: PeerClient; before: number }> {
  const { connection, peer } = await stage.pair(options);
  const before = 12 * MIB;
  peer.socket.pause();
  connection.write(Buffer.alloc(before));
  await eventually(() => (connection.flags & SENDING) !== 0, 'a send is in flight');
  return { connection, peer, before };
}

/** Bytes whose properties claim a greater length. */
class Lying extends Uint8Array {
  override get length(): number {
    return 2 ** 20;
  }
  override get byteLength(): number {
    return 2 ** 20;
  }
  override get byteOffset(): number {
    return 2 ** 20;
  }
}

function lyingItself(byteLength: number): Uint8Array {
  const bytes = new Uint8Array(byteLength).fill(2);
  for (const name of ['length', 'byteLength', 'byteOffset']) {
    Object.defineProperty(bytes, name, { value: 2 ** 20 });
  }
  return bytes;
}

export function memory(subject: EngineSubject): void {
  const scene = scenes(subject);

  scene('bytes up to 16 KiB may be changed as soon as they are written', async (stage) => {
    const { connection, peer } = await stage.pair();
    const scratch = Buffer.alloc(COPY_BYTES_MAX);
    const sizes = [1, 1024, 1025, 2000, 4096, 4097, COPY_BYTES_MAX];
    const expected: Buffer[] = [];
    for (const [index, size] of [...sizes, ...sizes.reverse(), ...sizes].entries()) {
      scratch.fill(65 + index);
      connection.write(scratch.subarray(0, size));
      expected.push(Buffer.from(scratch.subarray(0, size)));
    }
    const last = new Uint8Array(COPY_BYTES_MAX).fill(33);
    connection.end(last);
    expected.push(Buffer.from(last));
    transferred(last).fill(FOREIGN);
    await eventually(() => peer.ended, 'the end');
    assert.equal(sha256(peer.data), sha256(Buffer.concat(expected)));
  });

  scene('transferring larger bytes before they are sent breaks only their own connection', async (stage) => {
    const { server, connection, peer } = await stage.pair({ error: () => undefined });
    const other = await stage.peer(server);
    peer.socket.pause();
    connection.write(Buffer.alloc(12 * MIB));
    const bytes = new Uint8Array(100_000);
    connection.write(bytes);
    connection.end('the end');
    transferred(bytes).fill(FOREIGN);
    peer.socket.resume();
    await eventually(() => connection.isClosed, 'the close');
    const { reason, errors } = stage.history.of(connection);
    assert.equal(reason, 'error');
    assert.equal((errors[0] as NodeJS.ErrnoException).code, 'ERR_BUFFER_DETACHED');
    assert.equal(server.statistics().errorsByCode.ERR_BUFFER_DETACHED, 1);
    await eventually(() => peer.closed || peer.ended, 'the peer hears of it');
    assert(peer.bytes <= 12 * MIB);
    assert(!peer.data.includes(FOREIGN), 'bytes of somebody else were sent');
    const [live] = server.connections();
    live?.write('alive');
    await eventually(() => other.bytes === 5, 'the other is served');
  });

  scene('the same bytes, and other parts of their memory, can be written several times', async (stage) => {
    const { connection, peer } = await stage.pair();
    const block = someBytes(100_000);
    const other = someBytes(50_000);
    const written = [block, block, block.subarray(30_000), other, block, block.subarray(0, 40_000), other, block];
    for (const bytes of written) {
      connection.write(bytes);
    }
    connection.end();
    await eventually(() => peer.ended, 'the end');
    assert.equal(sha256(peer.data), sha256(Buffer.concat(written)));
  });

  scene('bytes that are transferred after they were written twice are not sent', async (stage) => {
    const { connection, peer } = await stage.pair({ error: () => undefined });
    const bytes = new Uint8Array(100_000);
    connection.write(bytes);
    connection.write(bytes);
    transferred(bytes).fill(FOREIGN);
    connection.write(bytes);
    connection.write(Buffer.alloc(100_000));
    await eventually(() => connection.isClosed, 'the close');
    assert.equal((stage.history.of(connection).errors[0] as NodeJS.ErrnoException).code, 'ERR_BUFFER_DETACHED');
    await eventually(() => peer.closed || peer.ended, 'the peer hears of it');
    assert(!peer.data.includes(FOREIGN), 'bytes of somebody else were sent');
  });

  scene('bytes transferred right after their write are a reset to the peer, not an end', async (stage) => {
    let received = '';
    const server = await stage.listen({ error: () => undefined });
    const client = await stage.connect({
      port: portOf(server),
      data: (_, chunk) => {
        received += chunk.toString();
      },
      error: () => undefined,
    });
    await eventually(() => server.connectionsCount === 1, 'the connection is accepted');
    const [connection] = server.connections();
    const bytes = new Uint8Array(MIB);
    connection?.write('before');
    connection?.write(bytes);
    connection?.end();
    transferred(bytes).fill(FOREIGN);
    await eventually(() => client.isClosed && connection?.isClosed === true, 'the closes');
    assert.equal(stage.history.of(connection as Connection).reason, 'error');
    assert.equal(stage.history.of(client).reason, 'peer_reset');
    assert('before'.startsWith(received));
  });

  scene('a pending message does not retain the memory in which it was assembled', async (stage) => {
    const { connection, peer, before } = await slowPair(stage);
    const assembled = allocateFramed(MIB);
    const message = assembled.subarray(1000, 1000 + 2 * COPY_BYTES_MAX).fill(1);
    connection.write(message);
    // It was copied: changes of the memory are not sent.
    assembled.fill(FOREIGN);
    const most = assembled.subarray(0, 0.6 * MIB).fill(2);
    connection.write(most);
    peer.socket.resume();
    await eventually(() => connection.queuedBytes === 0 && peer.bytes === connection.bytesWritten, 'all of it');
    assert(peer.data.subarray(before).equals(Buffer.concat([Buffer.alloc(message.length, 1), most])));
  });

  scene('a message assembled from pieces is known to be part of a larger block', async (stage) => {
    const kept: Buffer[] = [];
    const peers = await stage.pair({
      framing: lengthPrefixed(),
      message: (connection: Connection, message: Buffer) => {
        kept.push(message);
        connection.sendMessage(message);
        // The program may change it: small written bytes were copied.
        message.fill(FOREIGN, 0, message.length > COPY_BYTES_MAX ? 0 : message.length);
      },
    } as ListenOptions);
    const { peer } = peers;
    const frame = (byteLength: number): Buffer => {
      const bytes = someBytes(4 + byteLength);
      bytes.writeUInt32BE(byteLength);
      return bytes;
    };
    const sent = Buffer.concat([frame(300_000), frame(5000), frame(300_000), frame(1)]);
    peer.socket.write(sent);
    await eventually(() => peer.bytes === sent.length, 'the echo');
    assert.equal(sha256(peer.data), sha256(sent));
    assert.equal(kept.length, 4);
  });

  scene('small chunks forwarded to a slow peer keep no receive buffers', async (stage) => {
    let slow: Connection | undefined;
    let relayed = 0;
    const { server, connection, peer } = await stage.pair({
      data(from, chunk) {
        if (from !== slow) {
          slow?.write(chunk);
          relayed += chunk.length;
        }
      },
    });
    slow = connection;
    peer.socket.pause();
    connection.write(Buffer.alloc(12 * MIB));
    const sender = await stage.peer(server);
    for (let count = 1; count <= 50; count++) {
      sender.socket.write(Buffer.alloc(100, count));
      await eventually(() => relayed === 100 * count, 'it is sent on');
    }
    assert(connection.queuedBytes >= 5000);
    assert(stage.engine.core.port.statistics().buffersLent <= 2);
    peer.socket.resume();
    await eventually(() => peer.bytes === 12 * MIB + 5000, 'all of it');
    const expected = Buffer.concat(Array.from({ length: 50 }, (_, index) => Buffer.alloc(100, index + 1)));
    assert(peer.data.subarray(12 * MIB).equals(expected));
  });

  scene('typed arrays of another realm can be written, also by framings', async (stage) => {
    const foreign = runInNewContext('Uint8Array.of(104, 105)') as Uint8Array;
    const large = runInNewContext('new Uint8Array(100000).fill(7)') as Uint8Array;
    const shared = runInNewContext('new Uint8Array(new SharedArrayBuffer(100000)).fill(8)') as Uint8Array;
    const framing: Framing<Buffer, Uint8Array> = {
      decode: (bytes) => bytes.length,
      encode: (message) => (message === foreign ? message : [foreign, message]),
    };
    const { server, connection, peer } = await stage.pair({ framing: framing as Framing<Buffer, never> });
    connection.write(foreign);
    connection.write(large);
    connection.write(shared);
    connection.sendMessage(foreign);
    connection.sendMessage(large);
    server.broadcast(foreign);
    const expected = [foreign, large, shared, foreign, foreign, large, foreign];
    const byteLength = expected.reduce((sum, { length }) => sum + length, 0);
    await eventually(() => peer.bytes === byteLength, 'all of it');
    assert(peer.data.equals(Buffer.concat(expected.map((bytes) => Buffer.from(bytes)))));
  });

  scene('the real length of bytes counts, not an overridden property', async (stage) => {
    const { server, connection, peer } = await stage.pair({
      data(connection, chunk) {
        Object.defineProperty(chunk, 'length', { value: 2 ** 20 });
        connection.write(chunk);
      },
    });
    const sizes = [3, 5000, 100_000];
    let total = 0;
    for (const size of sizes) {
      connection.write(new Lying(size).fill(1));
      connection.write(lyingItself(size));
      server.broadcast(lyingItself(size));
      total += 3 * size;
    }
    peer.socket.write('four');
    await eventually(() => peer.bytes >= total + 4 && connection.queuedBytes === 0, 'all of it');
    peer.socket.write('five');
    await eventually(() => peer.bytes >= total + 8 && connection.queuedBytes === 0, 'the echo');
    assert.equal(peer.bytes, total + 8);
    assert.deepEqual([connection.bytesRead, connection.bytesWritten], [8, total + 8]);
  });

  scene('an object that only looks like a typed array is rejected', async (stage) => {
    const { connection } = await stage.pair();
    const wrong = [
      Object.create(Uint8Array.prototype),
      new Proxy(new Uint8Array(3), {}),
      new DataView(new ArrayBuffer(3)),
      { length: 3, [Symbol.toStringTag]: 'Uint8Array' },
      new Uint8ClampedArray(3),
    ];
    for (const each of wrong) {
      assert.throws(() => connection.write(each as never), { code: 'ERR_INVALID_ARG_TYPE' });
    }
    assert.equal(connection.queuedBytes, 0);
  });
}
