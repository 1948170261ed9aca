/** The receive low-water mark: what it holds back, and what it does not. */

import assert from 'node:assert/strict';
import type { CompletionPort } from 'overlapped/port';
import { connectPair, countingBytes, type Dequeuer, type Pair, withPort } from '../support/harness.js';
import { bounded, given, type Subject } from './subject.js';

const MARK_BYTES = 10_000;

/** A pair whose server has a mark, and a receive that waits. */
async function marked(dequeuer: Dequeuer, port: CompletionPort): Promise<Pair> {
  const pair = await connectPair(dequeuer, (socket) => socket.setOption('receiveBufferBytes', 65_536));
  port.postReceive(pair.server);
  dequeuer.take();
  pair.server.setOption('receiveLowWaterBytes', MARK_BYTES);
  return pair;
}

export function lowWater(subject: Subject): void {
  const ifMarks = given(subject, 'receiveLowWater');

  ifMarks('fewer bytes than the low-water mark wait until it is lowered', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const { client, server } = await marked(dequeuer, port);
      assert.equal(server.getOption('receiveLowWaterBytes'), MARK_BYTES);
      const other = await connectPair(dequeuer);
      port.postReceive(other.server);
      for (let count = 0; count < 3; count++) {
        port.postSend(client, countingBytes(1000));
        // Later bytes that have arrived prove that the former have arrived too.
        port.postSend(other.client, countingBytes(1));
        const { more } = await dequeuer.next('receive', other.server);
        if (!more) {
          port.postReceive(other.server);
        }
      }
      assert(!dequeuer.seen.some(({ kind, socket }) => kind === 'receive' && socket === server));
      server.setOption('receiveLowWaterBytes', 1);
      const { data, code } = await dequeuer.receiveAll(server, 3000);
      assert.deepEqual([data.length, code], [3000, undefined]);
    }),
  );

  ifMarks('as many bytes as the low-water mark arrive', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const { client, server } = await marked(dequeuer, port);
      const bytes = countingBytes(MARK_BYTES);
      port.postSend(client, bytes.subarray(0, MARK_BYTES - 1));
      port.postSend(client, bytes.subarray(MARK_BYTES - 1));
      const arrived = (): boolean => dequeuer.seen.some(({ kind, socket }) => kind === 'receive' && socket === server);
      await dequeuer.until(arrived, 'a receive of as many bytes as the mark');
      // The receive may be short: the rest would then stay below the mark.
      server.setOption('receiveLowWaterBytes', 1);
      const { data } = await dequeuer.receiveAll(server, MARK_BYTES);
      assert(data.equals(bytes));
    }),
  );

  ifMarks('the end of the stream brings the bytes below the mark, and so does a reset', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const ended = await marked(dequeuer, port);
      const bytes = countingBytes(100);
      port.postSend(ended.client, bytes);
      port.postShutdown(ended.client);
      const { data, code } = await dequeuer.receiveAll(ended.server);
      assert.deepEqual([data.equals(bytes), code], [true, undefined]);
      const broken = await marked(dequeuer, port);
      port.postSend(broken.client, bytes);
      await dequeuer.next('send', broken.client);
      port.closeSocket(broken.client, { reset: true });
      let seen = await dequeuer.next('receive', broken.server);
      while (seen.bytes > 0) {
        if (!seen.more) {
          port.postReceive(broken.server);
        }
        seen = await dequeuer.next('receive', broken.server);
      }
      assert.equal(seen.code, 'ECONNRESET');
    }),
  );

  ifMarks('a mark above the receive buffer holds back no more than the buffer takes', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const pair = await connectPair(dequeuer, (socket) => {
        socket.setOption('sendBufferBytes', 4096);
        socket.setOption('receiveBufferBytes', 2048);
      });
      port.postReceive(pair.server);
      dequeuer.take();
      pair.server.setOption('receiveLowWaterBytes', 2 ** 30);
      const bytes = countingBytes(300_000);
      port.postSend(pair.client, bytes);
      port.postShutdown(pair.client);
      const { data } = await dequeuer.receiveAll(pair.server);
      assert(data.equals(bytes));
    }),
  );

  ifMarks('a receive under a mark can be cancelled', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const { client, server } = await marked(dequeuer, port);
      port.postSend(client, countingBytes(10));
      await dequeuer.next('send', client);
      port.cancel(server, 'receive');
      const { code } = await dequeuer.next('receive', server);
      assert.equal(code, 'ECANCELED');
    }),
  );

  bounded('the range of the low-water mark is checked', () =>
    withPort(subject.options, (_, port) => {
      const socket = port.createSocket('ipv4');
      for (const value of [0, -1, 0.5, 2 ** 31, Number.NaN]) {
        assert.throws(
          () => socket.setOption('receiveLowWaterBytes', value),
          { code: 'ERR_OUT_OF_RANGE' },
          String(value),
        );
      }
      if (subject.capabilities.receiveLowWater !== true) {
        assert.throws(() => socket.setOption('receiveLowWaterBytes', 1), { code: 'ENOPROTOOPT' });
      }
      port.closeSocket(socket);
    }),
  );
}
