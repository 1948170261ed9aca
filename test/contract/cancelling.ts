/** Cancelling: an operation that is cancelled still completes, once. */

import assert from 'node:assert/strict';
import { setImmediate as nextIteration } from 'node:timers/promises';
import {
  connectPair,
  type Dequeuer,
  listenOn,
  portOf,
  sha256,
  someBytes,
  withPort,
  zeros,
} from '../support/harness.js';
import { bounded, type Subject } from './subject.js';

const RACES = 500;
/** More than the buffers of a driver that posts receives with small ones. */
const RACE_BYTES_MAX = 1500;

function takeSome(dequeuer: Dequeuer, times: number): void {
  for (let count = 0; count < times; count++) {
    dequeuer.take();
  }
}

export function cancelling(subject: Subject): void {
  bounded('a cancelled receive completes with ECANCELED, and another can be posted', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const { client, server } = await connectPair(dequeuer);
      for (let round = 0; round < 3; round++) {
        port.postReceive(server);
        dequeuer.take();
        port.cancel(server, 'receive');
        port.cancel(server, 'receive');
        const seen = await dequeuer.next('receive');
        assert.deepEqual([seen.code, seen.more], ['ECANCELED', false]);
      }
      port.postReceive(server);
      port.postSend(client, Buffer.from('still works'));
      assert.equal((await dequeuer.next('receive')).data?.toString(), 'still works');
    }),
  );

  bounded('a receive can be cancelled before the driver has submitted it', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const { server } = await connectPair(dequeuer);
      port.postReceive(server);
      port.cancel(server, 'receive');
      assert.equal((await dequeuer.next('receive')).code, 'ECANCELED');
    }),
  );

  bounded('a cancelled accept completes, and the listener goes on listening', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const listener = listenOn(port);
      dequeuer.take();
      port.cancel(listener, 'accept');
      assert.equal((await dequeuer.next('accept')).code, 'ECANCELED');
      const client = await subject.peers.connect(portOf(listener));
      port.postAccept(listener);
      assert.notEqual((await dequeuer.next('accept')).accepted, undefined);
      client.socket.destroy();
    }),
  );

  bounded('cancelled sends all complete in order, and the port still works', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const { client } = await connectPair(dequeuer);
      for (let index = 0; index < 10; index++) {
        port.postSend(client, zeros(20_000_000), index);
      }
      dequeuer.take();
      port.cancel(client, 'send');
      await dequeuer.until(() => dequeuer.all.filter((seen) => seen.kind === 'send').length === 10, '10 sends');
      const sends = dequeuer.all.filter((seen) => seen.kind === 'send');
      // The send in flight completes last; the queued sends complete in order.
      assert.deepEqual(
        [...sends.map((seen) => seen.context as number)].sort((a, b) => a - b),
        [...Array(10).keys()],
      );
      assert.ok(sends.some((seen) => seen.code === 'ECANCELED'));
      port.closeSocket(client);
    }),
  );

  bounded('sends posted after a cancel that was too late are sent', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const { client, server } = await connectPair(dequeuer);
      port.postSend(client, Buffer.from('a'));
      port.cancel(client, 'send');
      const first = await dequeuer.next('send');
      for (const text of ['b', 'c', 'd']) {
        port.postSend(client, Buffer.from(text));
      }
      port.postShutdown(client);
      for (let index = 0; index < 3; index++) {
        assert.equal((await dequeuer.next('send')).code, undefined);
      }
      port.postReceive(server);
      assert.equal((await dequeuer.receiveAll(server)).data.toString(), first.code === undefined ? 'abcd' : 'bcd');
    }),
  );

  bounded(`in ${RACES} races of a cancel with data, each receive completes once and no byte is lost`, () =>
    withPort({ ...subject.options, bufferCount: 8, bufferSizeBytes: 64 }, async (dequeuer, port) => {
      const { client, server } = await connectPair(dequeuer);
      const data = someBytes(RACES * RACE_BYTES_MAX);
      let sent = 0;
      const pieces: Buffer[] = [];
      let cancelled = 0;
      for (let round = 0; round < RACES; round++) {
        port.postReceive(server, { once: round % 3 === 0, context: round });
        // From a receive that is not even handed over to one that has completed with data, and all that is between.
        takeSome(dequeuer, round % 4);
        const byteLength = round % 5 === 0 ? 0 : 1 + ((round * 37) % (RACE_BYTES_MAX - 1));
        port.postSend(client, data.subarray(sent, sent + byteLength));
        sent += byteLength;
        takeSome(dequeuer, (round >> 2) % 4);
        if (round % 16 > 12) {
          // Some drivers get data only from the event loop.
          await nextIteration();
          takeSome(dequeuer, round % 2);
        }
        port.cancel(server, 'receive');
        for (let over = false; !over; ) {
          const seen = await dequeuer.next('receive', server);
          assert.ok(seen.code === undefined || seen.code === 'ECANCELED', `${seen.code}`);
          assert.equal(seen.context, round);
          pieces.push(seen.data ?? Buffer.alloc(0));
          cancelled += seen.code === undefined ? 0 : 1;
          over = !seen.more;
        }
      }
      port.postShutdown(client);
      port.postReceive(server);
      pieces.push((await dequeuer.receiveAll(server)).data);
      const received = Buffer.concat(pieces);
      assert.equal(received.byteLength, sent);
      assert.equal(sha256(received), sha256(data.subarray(0, sent)));
      assert.ok(cancelled > 0 && cancelled < RACES, `${cancelled} of ${RACES} were cancelled`);
      for (let round = 0; round < RACES; round++) {
        const ends = dequeuer.all.filter((seen) => seen.context === round && !seen.more);
        assert.equal(ends.length, 1, `receive ${round} ends once`);
      }
    }),
  );

  bounded('cancelling an operation that is not in flight does nothing', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const { client, server, listener } = await connectPair(dequeuer);
      port.cancel(client, 'receive');
      port.cancel(client, 'send');
      port.cancel(client, 'connect');
      port.cancel(client, 'accept');
      port.cancel(listener, 'receive');
      port.postReceive(server);
      port.cancel(server, 'accept');
      port.cancel(server, 'connect');
      port.postSend(client, someBytes(10));
      assert.equal((await dequeuer.next('receive')).bytes, 10);
    }),
  );

  bounded('a receive that waits for a buffer can be cancelled, even at the moment when it finds none', () =>
    withPort({ ...subject.options, bufferCount: 1, bufferSizeBytes: 64 }, async (dequeuer, port) => {
      const first = await connectPair(dequeuer);
      const second = await connectPair(dequeuer);
      let taken: { release(): void } | undefined;
      dequeuer.hook = (completion) => {
        if (completion.buffer !== undefined) {
          taken = completion.take();
        }
      };
      port.postReceive(first.server, { once: true });
      port.postSend(first.client, Buffer.from('x'));
      await dequeuer.next('receive', first.server);
      port.postSend(second.client, Buffer.from('y'));
      await dequeuer.next('send', second.client);
      // Data is there and no buffer is: the receive and its cancel reach the kernel together.
      port.postReceive(second.server, { once: true });
      port.cancel(second.server, 'receive');
      assert.equal((await dequeuer.next('receive', second.server)).code, 'ECANCELED');
      // The same when it waits already.
      port.postReceive(second.server, { once: true });
      dequeuer.take();
      dequeuer.take();
      port.cancel(second.server, 'receive');
      assert.equal((await dequeuer.next('receive', second.server)).code, 'ECANCELED');
      taken?.release();
      port.postReceive(second.server, { once: true });
      assert.equal((await dequeuer.next('receive', second.server)).data?.toString(), 'y');
      taken?.release();
    }),
  );
}
