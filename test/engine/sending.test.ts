/** Limits on queued bytes, slow readers, and bytes that another engine has lent, on virtual time. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { CloseReason } from 'overlapped';
import { onVirtualStage } from '../support/virtual-stage.js';

describe('queued bytes', () => {
  test('queuedBytesMax applies even if it is below the high-water mark', () =>
    onVirtualStage({}, async (stage) => {
      const reasons: CloseReason[] = [];
      const server = await stage.listen({
        limits: { queuedBytesMax: 1000 },
        open: (connection) => {
          assert.equal(connection.write(Buffer.alloc(1001)), false);
          assert.equal(connection.queuedBytes, 0);
        },
        close: (_, reason) => reasons.push(reason),
      });
      await stage.connect(server);
      await stage.pass(100);
      assert.deepEqual(reasons, ['write_queue_full']);
    }));

  test('bytes lent by one engine are copied by a connection of another engine', () =>
    onVirtualStage({ faults: { operationDelayMs: [5, 5] } }, async (stage) => {
      const received: Buffer[] = [];
      const sent = Buffer.from(Array.from({ length: 20_000 }, (_, index) => index % 251));
      const back = await stage.listen({ data: (_, chunk) => received.push(Buffer.from(chunk)) });
      const relay = await stage.connect(back);
      const front = await stage.listen({ data: (_, chunk) => relay.write(chunk) });
      const client = await stage.connect(front);
      client.write(sent);
      await stage.pass(1000);
      assert.deepEqual(Buffer.concat(received), sent);
    }));

  for (const limit of ['writeStallMs', 'idleMs'] as const) {
    test(`a peer that reads slowly stays connected until it reads nothing for ${limit}`, () =>
      onVirtualStage({}, async (stage) => {
        let closedAt = 0;
        let lastAt = 0;
        let takes = 20;
        const server = await stage.listen({
          sendBufferBytes: 4096,
          open: (connection) => connection.write(Buffer.alloc(1_000_000)),
          close() {
            closedAt = stage.network.now();
          },
          timeouts: { [limit]: 1000 },
        });
        await stage.connect(server, {
          receiveBufferBytes: 4096,
          limits: { roundBytesMax: 4096 },
          data(connection) {
            connection.pause();
            if (takes-- > 0) {
              lastAt = stage.network.now();
              stage.network.clock.setTimer(() => connection.resume(), 700);
            }
          },
        });
        await stage.pass(30_000);
        assert.equal(takes, -1, 'all of its time');
        assert(closedAt - lastAt >= 1000 && closedAt - lastAt < 2500, `closed ${closedAt - lastAt} ms behind the last`);
      }));
  }

  test('timers of sends that ended long ago wake the process about once a second, however many connections there are', () =>
    onVirtualStage({}, async (stage) => {
      const server = await stage.listen({
        timeouts: { firstByteMs: 0 },
        data: (connection, chunk) => connection.write(chunk),
      });
      const { clock } = stage.network;
      for (let count = 0; count < 100; count++) {
        (await stage.connect(server, { timeouts: { writeStallMs: 0 } })).write('ping');
        await stage.pass(40);
      }
      const setTimer = clock.setTimer.bind(clock);
      let timers = 0;
      clock.setTimer = (callback, delayMs) => {
        timers++;
        return setTimer(callback, delayMs);
      };
      await new Promise<void>((resolve) => setTimer(resolve, 10_000));
      assert(timers < 20, `${timers} timers`);
    }));
});
