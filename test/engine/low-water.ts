/** Large messages and streams under receive low-water marks: nothing waits for bytes that do not come. */

import assert from 'node:assert/strict';
import type { Connection, ListenOptions } from 'overlapped';
import { lengthPrefixed } from 'overlapped/framing';
import { countingBytes, eventually } from '../support/harness.js';
import type { PeerClient } from '../support/peer-client.js';
import { type EngineSubject, type Stage, scenes } from './subject.js';

const MIB = 1024 * 1024;
const framing = lengthPrefixed({ messageBytesMax: 16 * MIB });

function framed(bytes: Uint8Array): Buffer {
  return Buffer.concat(framing.encode(bytes) as Uint8Array[]);
}

interface Receiver {
  readonly connection: Connection;
  readonly peer: PeerClient;
  readonly messages: Buffer[];
}

async function receiver(stage: Stage, options: ListenOptions<unknown, Buffer> = {}): Promise<Receiver> {
  const messages: Buffer[] = [];
  const { connection, peer } = await stage.pair({
    framing,
    message: (_: unknown, message: Buffer) => {
      messages.push(Buffer.from(message));
    },
    error: () => undefined,
    ...options,
  } as ListenOptions);
  return { connection, peer, messages };
}

/** Sends bytes in parts, each after the one before has arrived as far as the mark lets it. */
async function sendParts(peer: PeerClient, bytes: Buffer, sizes: readonly number[]): Promise<void> {
  let place = 0;
  for (const size of [...sizes, bytes.length]) {
    const part = bytes.subarray(place, place + size);
    place += part.length;
    await new Promise((resolve) => peer.socket.write(part, resolve));
  }
}

export function lowWater(subject: EngineSubject): void {
  const scene = scenes(subject);

  scene('large messages arrive whole, and small ones between them', async (stage) => {
    const { peer, messages } = await receiver(stage);
    const sizes = [MIB, 1, 70_000, 3 * MIB, 0, 64 * 1024, 65_537, 10, 2 * MIB, 5];
    for (const size of sizes) {
      peer.socket.write(framed(countingBytes(size)));
      peer.socket.write(framed(Buffer.from('next')));
    }
    await eventually(() => messages.length === 2 * sizes.length, 'all messages');
    for (const [index, size] of sizes.entries()) {
      assert(messages[2 * index]?.equals(countingBytes(size)), `message of ${size} bytes`);
      assert.equal(String(messages[2 * index + 1]), 'next');
    }
  });

  scene('each message is delivered when its last byte arrives, however it is cut', async (stage) => {
    const { peer, messages } = await receiver(stage);
    const bytes = framed(countingBytes(MIB));
    for (const sizes of [
      [3, 1],
      [700_000, 300_000],
      [5, MIB - 2],
      [100_000, 524_288, 1],
      [bytes.length - 1],
      [MIB / 2, MIB / 4, MIB / 8],
    ]) {
      const before = messages.length;
      await sendParts(peer, bytes, sizes);
      await eventually(() => messages.length === before + 1, `the message in parts of ${sizes}`);
      assert.deepEqual(messages.at(-1)?.length, MIB);
    }
  });

  for (const receiveBufferBytes of [2048, 20_000, 300_000]) {
    scene(`a receive buffer of ${receiveBufferBytes} bytes takes large messages`, async (stage) => {
      const { peer, messages } = await receiver(stage, { receiveBufferBytes });
      peer.socket.write(framed(countingBytes(2 * MIB)));
      peer.socket.write(framed(Buffer.from('small')));
      await eventually(() => messages.length === 2, 'both messages');
      assert(messages[0]?.equals(countingBytes(2 * MIB)));
    });
  }

  scene('the end of a stream within a large message, and a reset, close the connection at once', async (stage) => {
    const first = await receiver(stage);
    first.peer.socket.end(framed(countingBytes(MIB)).subarray(0, 300_000));
    await eventually(() => first.connection.isClosed, 'the close');
    assert.equal(first.connection.bytesRead, 300_000);
    const second = await receiver(stage);
    second.peer.socket.write(framed(countingBytes(MIB)).subarray(0, 300_000));
    await eventually(() => second.connection.bytesRead > 0, 'the first bytes');
    second.peer.socket.resetAndDestroy();
    await eventually(() => second.connection.isClosed, 'the other close');
    const reasons = stage.history.reasons;
    assert.deepEqual(reasons.slice(0, 2).sort(), ['framing_error', 'peer_reset']);
  });

  scene('a connection that is paused within a large message goes on after resume', async (stage) => {
    const { connection, peer, messages } = await receiver(stage);
    const bytes = framed(countingBytes(3 * MIB));
    peer.socket.write(bytes.subarray(0, MIB));
    await eventually(() => connection.bytesRead > 200_000, 'the first bytes');
    connection.pause();
    peer.socket.write(bytes.subarray(MIB));
    peer.socket.write(framed(Buffer.from('small')));
    await new Promise((resolve) => setImmediate(resolve));
    connection.resume();
    await eventually(() => messages.length === 2, 'the messages');
    assert(messages[0]?.equals(countingBytes(3 * MIB)));
  });

  scene('an async handler gets large messages one after the other', async (stage) => {
    let running = 0;
    const lengths: number[] = [];
    const { peer } = await receiver(stage, {
      async message(_, message) {
        assert.equal(++running, 1);
        const before = Buffer.from(message);
        await new Promise((resolve) => setImmediate(resolve));
        assert(before.equals(message));
        lengths.push(message.length);
        running--;
      },
    });
    for (let count = 0; count < 5; count++) {
      peer.socket.write(framed(countingBytes(MIB + count)));
    }
    await eventually(() => lengths.length === 5, 'five messages');
    assert.deepEqual(
      lengths,
      [0, 1, 2, 3, 4].map((more) => MIB + more),
    );
  });

  scene('the last bytes of a fast stream arrive, and small answers after it', async (stage) => {
    let bytes = 0;
    const { connection, peer } = await stage.pair({
      data: (_, chunk) => {
        bytes += chunk.length;
      },
    });
    for (let burst = 1; burst <= 5; burst++) {
      peer.socket.write(countingBytes(5 * MIB));
      peer.socket.write('the end of a burst');
      await eventually(() => bytes === burst * (5 * MIB + 18), `burst ${burst}`);
    }
    peer.socket.write('x');
    await eventually(() => bytes === 5 * (5 * MIB + 18) + 1, 'the last byte');
    assert.equal(connection.bytesRead, bytes);
  });
}
