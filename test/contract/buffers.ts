/** The pool of receive buffers: lent, kept, exhausted. */

import assert from 'node:assert/strict';
import type { OverlappedSocket, PoolBuffer } from 'overlapped/port';
import {
  connectPair,
  type Dequeuer,
  eventually,
  type Pair,
  type Seen,
  sha256,
  someBytes,
  withPort,
} from '../support/harness.js';
import { LoopEcho } from '../support/loop-echo.js';
import { bounded, type Subject } from './subject.js';

const RELEASED_BYTE = 0xdd;

async function pairs(dequeuer: Dequeuer, count: number): Promise<Pair[]> {
  const made: Pair[] = [];
  for (let index = 0; index < count; index++) {
    made.push(await connectPair(dequeuer));
  }
  return made;
}

/** Keeps every buffer that comes until `letGo`. */
class Keeper {
  readonly kept: PoolBuffer[] = [];

  constructor(dequeuer: Dequeuer) {
    dequeuer.hook = (completion) => {
      if (completion.buffer !== undefined) {
        this.kept.push(completion.take());
      }
    };
  }

  letGo(): void {
    this.kept.splice(0).forEach((buffer) => buffer.release());
  }
}

export function buffers(subject: Subject): void {
  for (const bufferCount of [1, 2]) {
    bounded(`with ${bufferCount} buffers for 8 connections, receives wait and no byte is lost`, () =>
      withPort({ ...subject.options, bufferCount, bufferSizeBytes: 128 }, async (dequeuer, port) => {
        const made = await pairs(dequeuer, 8);
        const payloads = made.map(() => someBytes(20_000));
        made.forEach(({ client, server }, index) => {
          port.postReceive(server);
          port.postSend(client, payloads[index] as Buffer);
          port.postShutdown(client);
        });
        const results = await Promise.all(made.map(({ server }) => dequeuer.receiveAll(server)));
        results.forEach(({ data, code }, index) => {
          assert.equal(code, undefined);
          assert.equal(sha256(data), sha256(payloads[index] as Buffer));
        });
      }),
    );
  }

  bounded('receives wait while all buffers are kept, and the statistics count them', () =>
    withPort({ ...subject.options, bufferCount: 2, bufferSizeBytes: 64 }, async (dequeuer, port) => {
      const keeper = new Keeper(dequeuer);
      const made = await pairs(dequeuer, 4);
      made.forEach(({ client, server }, index) => {
        port.postReceive(server, { once: true });
        port.postSend(client, Buffer.from(`message ${index}`));
      });
      await dequeuer.until(
        () => keeper.kept.length === 2 && port.statistics().receivesDelayed >= 2,
        'two receives wait',
      );
      assert.equal(port.statistics().buffersLent, 2);
      for (let round = 0; round < 20; round++) {
        dequeuer.take(1);
      }
      assert.equal(keeper.kept.length, 2, 'no buffer beyond the pool');
      const delayed = port.statistics().receivesDelayed;
      assert.ok(delayed < 20, `waiting does not spin: delayed ${delayed} times`);
      keeper.letGo();
      await dequeuer.until(() => keeper.kept.length === 2, 'the other two');
      keeper.letGo();
      const messages = dequeuer.all.flatMap((seen) => (seen.data === undefined ? [] : [seen.data.toString()]));
      assert.deepEqual(messages.sort(), ['message 0', 'message 1', 'message 2', 'message 3']);
    }),
  );

  bounded('idle receives do not keep buffers from receives that were posted later', () =>
    withPort({ ...subject.options, bufferCount: 2, bufferSizeBytes: 64 }, async (dequeuer, port) => {
      const keeper = new Keeper(dequeuer);
      const made = await pairs(dequeuer, 7);
      const [first, second, ...others] = made as [Pair, Pair, ...Pair[]];
      for (const { client, server } of [first, second]) {
        port.postReceive(server, { once: true });
        port.postSend(client, Buffer.from('x'));
        await dequeuer.next('receive', server);
      }
      others.forEach(({ server }) => port.postReceive(server));
      const last = others.at(-1) as Pair;
      const before = port.statistics().receivesDelayed;
      port.postSend(last.client, Buffer.from('last'));
      await dequeuer.until(() => port.statistics().receivesDelayed > before, 'its receive waits');
      keeper.letGo();
      assert.equal((await dequeuer.next('receive', last.server)).data?.toString(), 'last');
      for (const { client, server } of others.slice(0, -1)) {
        keeper.letGo();
        port.postSend(client, Buffer.from('later'));
        assert.equal((await dequeuer.next('receive', server)).data?.toString(), 'later');
      }
      keeper.letGo();
    }),
  );

  bounded('no connection starves when there are fewer buffers than connections', async () => {
    const echo = new LoopEcho({ ...subject.options, bufferCount: 8, bufferSizeBytes: 128 }).start();
    const clients = await Promise.all(Array.from({ length: 100 }, () => subject.peers.connect(echo.number)));
    // Each client that has an answer sends again at once.
    clients.forEach(({ socket }) => socket.on('data', () => socket.write('x')));
    clients.forEach(({ socket }) => socket.write('x'));
    await eventually(() => clients.every(({ bytes }) => bytes >= 20), 'answers for everybody');
    clients.forEach(({ socket }) => socket.destroy());
    await eventually(() => echo.port.statistics().buffersLent === 0, 'all buffers are back');
    echo.port.close();
  });

  for (const how of ['end', 'reset', 'closed', 'cancelled'] as const) {
    bounded(`a waiting receive that needs no buffer any more (${how}) lets the next one have it`, () =>
      withPort({ ...subject.options, bufferCount: 1, bufferSizeBytes: 64 }, async (dequeuer, port) => {
        const keeper = new Keeper(dequeuer);
        const [holder, first, second] = (await pairs(dequeuer, 3)) as [Pair, Pair, Pair];
        port.postReceive(holder.server, { once: true });
        port.postSend(holder.client, Buffer.from('x'));
        await dequeuer.next('receive', holder.server);
        if (how === 'end') {
          port.closeSocket(first.client);
        } else {
          port.postSend(first.client, Buffer.from('y'));
        }
        port.postSend(second.client, Buffer.from('z'));
        await dequeuer.next('send', second.client);
        const isOver = ({ kind, socket }: Seen): boolean => kind === 'receive' && socket === first.server;
        const delayed = (): number => port.statistics().receivesDelayed;
        const before = delayed();
        port.postReceive(first.server);
        // Some drivers need no buffer to see that it is an end.
        await dequeuer.until(() => delayed() > before || dequeuer.seen.some(isOver), 'the first waits, or has ended');
        const between = delayed();
        port.postReceive(second.server);
        await dequeuer.until(() => delayed() > between, 'the second waits');
        if (how === 'reset') {
          port.closeSocket(first.client, { reset: true });
          dequeuer.take(20);
        }
        keeper.letGo();
        if (how === 'closed') {
          port.closeSocket(first.server);
        } else if (how === 'cancelled') {
          port.cancel(first.server, 'receive');
        }
        await dequeuer.until(() => {
          // The second may have been served meanwhile: then its buffer is for the first.
          keeper.letGo();
          return dequeuer.seen.some(isOver);
        }, 'the end of the first');
        keeper.letGo();
        assert.equal((await dequeuer.next('receive', second.server)).data?.toString(), 'z');
        keeper.letGo();
      }),
    );
  }

  bounded('with poisonReleasedBuffers a buffer is overwritten at its release, and not before', () =>
    withPort({ ...subject.options, poisonReleasedBuffers: true, bufferCount: 4 }, async (dequeuer, port) => {
      const { client, server } = await connectPair(dequeuer);
      let buffer: PoolBuffer | undefined;
      let view: Buffer | undefined;
      dequeuer.hook = (completion) => {
        if (completion.kind === 'receive') {
          view = completion.data;
          buffer = completion.take();
          buffer.retain();
        }
      };
      port.postReceive(server, { once: true });
      port.postSend(client, Buffer.from('precious'));
      await dequeuer.next('receive');
      buffer?.release();
      assert.equal(view?.toString(), 'precious');
      assert.equal(buffer?.view(3, 2).toString(), 'eci');
      buffer?.release();
      assert.deepEqual([...(view as Buffer)], new Array(8).fill(RELEASED_BYTE));
      assert.throws(() => buffer?.release());
      assert.throws(() => buffer?.retain());
      assert.throws(() => buffer?.view(1));
    }),
  );

  bounded('an empty view at the end of a full buffer can be sent', () =>
    withPort({ ...subject.options, bufferCount: 4, bufferSizeBytes: 64 }, async (dequeuer, port) => {
      const { client, server } = await connectPair(dequeuer);
      dequeuer.hook = (completion) => {
        if (completion.kind === 'receive') {
          assert.equal(completion.bytes, 64);
          port.postSend(server, completion.data.subarray(64), 'empty');
          port.postSend(server, [completion.data.subarray(64), completion.data.subarray(60)], 'tail');
        }
      };
      port.postReceive(server, { once: true });
      port.postSend(client, Buffer.alloc(64, 7), 'full');
      await dequeuer.until(() => dequeuer.all.some((seen) => seen.context === 'tail'), 'the tail is sent');
      port.postReceive(client, { once: true });
      dequeuer.hook = undefined;
      assert.deepEqual((await dequeuer.next('receive', client)).data, Buffer.alloc(4, 7));
    }),
  );

  bounded('buffers lent to a batch return to the pool when the batch is used again', () =>
    withPort({ ...subject.options, bufferCount: 4 }, async (dequeuer, port) => {
      const { client, server } = await connectPair(dequeuer);
      for (let round = 0; round < 20; round++) {
        port.postReceive(server as OverlappedSocket, { once: true });
        port.postSend(client, Buffer.from('x'));
        await dequeuer.next('receive');
        assert.ok(port.statistics().buffersLent <= 1);
      }
      dequeuer.take();
      assert.equal(port.statistics().buffersLent, 0);
    }),
  );

  bounded('an idle connection holds no receive buffer', () =>
    withPort({ ...subject.options, bufferCount: 2 }, async (dequeuer, port) => {
      const made = await pairs(dequeuer, 20);
      made.forEach(({ server }) => port.postReceive(server));
      dequeuer.take(5);
      assert.equal(port.statistics().buffersLent, 0);
      const { client, server } = made[19] as Pair;
      port.postSend(client, Buffer.from('still served'));
      assert.equal((await dequeuer.next('receive', server)).data?.toString(), 'still served');
    }),
  );
}
