/** Order and integrity of bytes. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { OverlappedSocket } from 'overlapped/port';
import {
  connectPair,
  countingBytes,
  type Dequeuer,
  listenOn,
  type Pair,
  portOf,
  sha256,
  someBytes,
  withPort,
} from '../support/harness.js';
import { manyStreams } from '../support/streams.js';
import { bounded, type Subject } from './subject.js';

/** Buffers that hold a few kilobytes: almost every send is short. */
function tiny(socket: OverlappedSocket): void {
  socket.setOption('sendBufferBytes', 4096);
  socket.setOption('receiveBufferBytes', 2048);
}

/** Sends what `post` posts and compares what arrives with `expected`. */
async function transfer(
  dequeuer: Dequeuer,
  { client, server }: Pair,
  post: () => void,
  expected: Uint8Array,
): Promise<void> {
  const { port } = dequeuer;
  const hash = createHash('sha256');
  let bytes = 0;
  dequeuer.hook = (completion) => {
    if (completion.kind === 'receive' && completion.bytes > 0) {
      hash.update(completion.data);
      bytes += completion.bytes;
      if (!completion.more) {
        port.postReceive(server);
      }
    }
  };
  port.postReceive(server);
  post();
  port.postShutdown(client);
  await dequeuer.until(
    () => dequeuer.all.some((seen) => seen.kind === 'receive' && seen.bytes === 0),
    'the end of the stream',
  );
  assert.equal(bytes, expected.byteLength);
  assert.equal(hash.digest('hex'), sha256(expected));
}

/** The sends that completed, checked: each with all its bytes, in the order of their posts. */
function checkSends(dequeuer: Dequeuer, lengths: readonly number[]): void {
  const sends = dequeuer.all.filter((seen) => seen.kind === 'send');
  assert.deepEqual(
    sends.map((seen) => [seen.context, seen.bytes, seen.code]),
    lengths.map((length, index) => [index, length, undefined]),
  );
}

/** Bytes of a send that a driver may treat as small. */
const SMALL_BYTES = 1000;
const SMALL_SENDS_MAX = 5000;
/** Dequeues that bring nothing: then a send is waiting for room. */
const EMPTY_TAKES = 20;

/** Sends small pieces, one after the other, until one finds no room; returns all pieces as one. */
function sendUntilFull(dequeuer: Dequeuer, { client }: Pair): Buffer {
  const { port } = dequeuer;
  const pieces: Buffer[] = [];
  const ended = (): number => dequeuer.all.filter(({ kind }) => kind === 'send').length;
  while (pieces.length < SMALL_SENDS_MAX) {
    const piece = someBytes(SMALL_BYTES);
    port.postSend(client, piece, pieces.length);
    pieces.push(piece);
    for (let takes = 0; takes < EMPTY_TAKES && ended() < pieces.length; takes++) {
      dequeuer.take(1);
    }
    if (ended() < pieces.length) {
      return Buffer.concat(pieces);
    }
  }
  throw new Error(`${SMALL_SENDS_MAX} sends found room`);
}

export function bytes(subject: Subject): void {
  bounded('a small send that finds no room waits for it, and arrives', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const pair = await connectPair(dequeuer);
      tiny(pair.client);
      tiny(pair.server);
      const data = sendUntilFull(dequeuer, pair);
      await transfer(dequeuer, pair, () => undefined, data);
      assert.equal(port.statistics().sendBlocksHeld, 0);
      checkSends(
        dequeuer,
        Array.from({ length: data.byteLength / SMALL_BYTES }, () => SMALL_BYTES),
      );
    }),
  );

  bounded('a small send that waits for room can be cancelled', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const pair = await connectPair(dequeuer);
      tiny(pair.client);
      tiny(pair.server);
      sendUntilFull(dequeuer, pair);
      port.cancel(pair.client, 'send');
      const cancelled = (): boolean => dequeuer.all.some(({ kind, code }) => kind === 'send' && code === 'ECANCELED');
      await dequeuer.until(cancelled, 'the end of the send');
      assert.equal(port.statistics().sendBlocksHeld, 0);
    }),
  );

  for (const size of [0, 1, 1023, 1024, 1025, 1_048_576, 20_971_520]) {
    bounded(`one send of ${size} bytes arrives whole`, () =>
      withPort(subject.options, async (dequeuer, port) => {
        const pair = await connectPair(dequeuer);
        const data = someBytes(size);
        await transfer(dequeuer, pair, () => port.postSend(pair.client, data, 0), data);
        checkSends(dequeuer, [size]);
      }),
    );
  }

  for (const [name, prepare] of [
    ['usual', () => undefined],
    ['tiny', tiny],
  ] as const) {
    bounded(`many sends of many sizes through ${name} socket buffers keep their order`, () =>
      withPort(subject.options, async (dequeuer, port) => {
        const pair = await connectPair(dequeuer, prepare);
        const sizes = [0, 1, 7, 64, 0, 1023, 1024, 1025, 3, 5000, 0, 0, 17, 60_000, 2, 1, 0];
        const pieces = Array.from({ length: 12 }, () => sizes)
          .flat()
          .map((size) => someBytes(size));
        await transfer(
          dequeuer,
          pair,
          () => pieces.forEach((piece, index) => port.postSend(pair.client, piece, index)),
          Buffer.concat(pieces),
        );
        checkSends(
          dequeuer,
          pieces.map((piece) => piece.byteLength),
        );
      }),
    );

    bounded(`gathered sends of more than 128 pieces, some of them empty, arrive through ${name} socket buffers`, () =>
      withPort(subject.options, async (dequeuer, port) => {
        const pair = await connectPair(dequeuer, prepare);
        const sends = [1, 2, 127, 128, 129, 300, 1000].map((count) =>
          Array.from({ length: count }, (_, index) => someBytes(index % 5 === 0 ? 0 : (index * 37) % 400)),
        );
        sends.push([], [Buffer.alloc(0)], [someBytes(100_000), Buffer.alloc(0), someBytes(1)]);
        await transfer(
          dequeuer,
          pair,
          () => sends.forEach((pieces, index) => port.postSend(pair.client, pieces, index)),
          Buffer.concat(sends.flat()),
        );
        checkSends(
          dequeuer,
          sends.map((pieces) => pieces.reduce((sum, piece) => sum + piece.byteLength, 0)),
        );
      }),
    );
  }

  bounded('views into the middle of larger memory can be sent, for all kinds of typed arrays', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const pair = await connectPair(dequeuer);
      const memory = countingBytes(100_000);
      const views: Uint8Array[] = [
        memory.subarray(3, 10),
        memory.subarray(5000, 9000),
        new Uint8Array(memory.buffer, memory.byteOffset + 77, 2000),
        new Uint8Array([1, 2, 3]),
        new Uint8Array(64).fill(9),
        new Uint8Array(new SharedArrayBuffer(3000)).fill(5),
        Buffer.from('pooled by node'),
        new Uint8Array(0),
      ];
      const expected = Buffer.concat([...views, ...views]);
      await transfer(
        dequeuer,
        pair,
        () => {
          views.forEach((view, index) => port.postSend(pair.client, view, index));
          port.postSend(pair.client, views, views.length);
        },
        expected,
      );
    }),
  );

  bounded('a small payload is copied, so its memory can be reused at once, however many sends are queued', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const pair = await connectPair(dequeuer, tiny);
      const sends = 20_000;
      const one = Buffer.alloc(8);
      const expected = Buffer.alloc(8 * sends);
      await transfer(
        dequeuer,
        pair,
        () => {
          for (let index = 0; index < sends; index++) {
            one.writeDoubleLE(index * 1.5);
            one.copy(expected, 8 * index);
            port.postSend(pair.client, one, index);
          }
        },
        expectedBytes(sends),
      );
      assert.equal(sha256(expected), sha256(expectedBytes(sends)));
    }),
  );

  bounded('an echo of views or of whole buffers keeps each buffer until it is sent', () =>
    withPort(
      { ...subject.options, poisonReleasedBuffers: true, bufferCount: 8, bufferSizeBytes: 512 },
      async (dequeuer, port) => {
        const listener = listenOn(port);
        tiny(listener);
        const client = await subject.peers.connect(portOf(listener));
        const server = (await dequeuer.next('accept')).accepted as OverlappedSocket;
        port.associate(server);
        const data = someBytes(300_000);
        let ways = 0;
        dequeuer.hook = (completion) => {
          if (completion.kind !== 'receive' || completion.bytes === 0) {
            return;
          }
          ways++;
          if (ways % 3 === 0) {
            port.postSend(server, completion.data);
          } else if (ways % 3 === 1) {
            const half = completion.bytes >> 1;
            port.postSend(server, [completion.data.subarray(0, half), Buffer.alloc(0), completion.data.subarray(half)]);
          } else {
            port.postSendBuffer(server, completion.buffer as NonNullable<typeof completion.buffer>, completion.bytes);
          }
          if (!completion.more) {
            port.postReceive(server);
          }
        };
        port.postReceive(server);
        client.socket.write(data);
        await dequeuer.until(() => client.bytes === data.byteLength, 'the whole echo');
        assert.equal(sha256(client.data), sha256(data));
        client.socket.destroy();
      },
    ),
  );

  bounded('an echo server returns 50 streams of 1 MB in random pieces, and their half-closes', () =>
    manyStreams({ ...subject, streams: 50, bytesEach: 1_000_000 }),
  );
}

function expectedBytes(sends: number): Buffer {
  const bytes = Buffer.alloc(8 * sends);
  for (let index = 0; index < sends; index++) {
    bytes.writeDoubleLE(index * 1.5, 8 * index);
  }
  return bytes;
}
