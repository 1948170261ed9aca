/** Timeouts of engines that run for months and years, on virtual time. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { CloseReason } from 'overlapped';
import { delimited } from 'overlapped/framing';
import { TICK_MS } from '../../src/engine/scheduling/timer-wheel.js';
import { onVirtualStage } from '../support/virtual-stage.js';

const DAY_MS = 86_400_000;

describe('timeouts after a long uptime', () => {
  test('timeouts still work after years of uptime, also for connections that old', () =>
    onVirtualStage({}, async (stage) => {
      const closes: [name: string, reason: CloseReason, at: number][] = [];
      const close = (name: string) => (_: unknown, reason: CloseReason) => {
        closes.push([name, reason, stage.network.now()]);
      };
      const server = await stage.listen({ timeouts: { firstByteMs: 0 }, data: () => undefined });
      const old = await stage.connect(server, { close: close('old') });
      old.write('I am here');
      for (let pieces = 0; pieces < 5; pieces++) {
        await stage.pass(200 * DAY_MS);
      }
      const began = stage.network.now();
      // How long it was is not known beyond a year.
      assert(old.idleMs > 390 * DAY_MS, `idle for ${old.idleMs} ms`);
      const idle = await stage.connect(server, { timeouts: { idleMs: 2000 }, close: close('idle') });
      stage.soon(() => old.setDeadline(1000));
      await stage.pass(5000);
      assert.deepEqual(
        closes.map(([name, reason]) => `${name} ${reason}`),
        ['old deadline', 'idle idle_timeout'],
      );
      const [first, second] = closes.map(([, , at]) => at - began) as [number, number];
      assert(first >= 1000 && first < 1200, `the deadline after ${first} ms`);
      assert(second >= 2000 && second < 2200, `the idle one after ${second} ms`);
      assert.equal(idle.isClosed, true);
    }));

  test('timeouts that are running when the tick count restarts expire on time', () =>
    onVirtualStage({}, async (stage) => {
      const closes = new Map<CloseReason, number>();
      const close = (_: unknown, reason: CloseReason): unknown => closes.set(reason, stage.network.now());
      const idle = await stage.listen({ timeouts: { idleMs: 10_000, firstByteMs: 0 }, close });
      const silent = await stage.listen({
        framing: delimited(),
        heartbeat: { intervalMs: 3000, missedMax: 2, ping: Buffer.from('ping') },
        timeouts: { firstByteMs: 0 },
        message: () => undefined,
        close,
      });
      const first = await stage.listen({ timeouts: { firstByteMs: 11_000 }, close });
      await stage.pass(2 ** 28 * TICK_MS - 5000 - stage.network.now());
      const began = stage.network.now();
      for (const server of [idle, silent, first]) {
        await stage.connect(server);
      }
      await stage.pass(20_000);
      for (const [reason, limitMs] of [
        ['idle_timeout', 10_000],
        ['heartbeat', 9000],
        ['first_byte_timeout', 11_000],
      ] as const) {
        const afterMs = (closes.get(reason) ?? Infinity) - began;
        assert(afterMs >= limitMs && afterMs < limitMs + 300, `${reason} after ${afterMs} ms`);
      }
    }));

  test('a deadline that is months away closes its connection on time', () =>
    onVirtualStage({}, async (stage) => {
      let closedAt = 0;
      const server = await stage.listen({
        timeouts: { firstByteMs: 0 },
        open: (connection) => connection.setDeadline(200 * DAY_MS),
        close(_, reason) {
          assert.equal(reason, 'deadline');
          closedAt = stage.network.now();
        },
      });
      await stage.pass(80 * DAY_MS);
      await stage.connect(server);
      const began = stage.network.now();
      await stage.pass(210 * DAY_MS);
      assert(closedAt - began >= 200 * DAY_MS && closedAt - began < 200 * DAY_MS + 100, `${closedAt - began} ms`);
    }));
});
