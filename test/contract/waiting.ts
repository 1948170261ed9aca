/** How long a dequeue waits, and what wakes it. */

import assert from 'node:assert/strict';
import { CompletionBatch, postWakeUp } from 'overlapped/port';
import { programPath } from '../support/child.js';
import { connectPair, longestBut, onceInTime, WAIT_MS, withPort } from '../support/harness.js';
import { createPort, startWorker } from '../support/leftovers.js';
import { system } from '../support/system.js';
import { bounded, given, type Subject } from './subject.js';

export function waiting(subject: Subject): void {
  const withThreads = given(subject, 'threads');

  bounded('a timeout of 0 polls', () =>
    withPort(subject.options, (_dequeuer, port) => {
      const batch = new CompletionBatch(4);
      return onceInTime(() => {
        const start = performance.now();
        for (let index = 0; index < 100; index++) {
          assert.equal(port.getQueuedCompletions(batch, 0), 0);
        }
        assert.ok(performance.now() - start < 500);
      });
    }),
  );

  bounded('a timeout waits about that long and returns 0 completions', () =>
    withPort(subject.options, async (_dequeuer, port) => {
      const batch = new CompletionBatch(4);
      const waits = (timeoutMs: number): number => {
        const start = performance.now();
        assert.equal(port.getQueuedCompletions(batch, timeoutMs), 0);
        return performance.now() - start;
      };
      for (const timeoutMs of [0.2, 1, 30, 120]) {
        const waited = [1, 2, 3].map(() => waits(timeoutMs));
        const most = timeoutMs + 250 * system.patience;
        assert.ok(Math.min(...waited) >= timeoutMs && longestBut(1, waited) < most, `${timeoutMs} ms waited ${waited}`);
      }
    }),
  );

  bounded('a wait with a timeout ends at once when a completion arrives', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const { client, server } = await connectPair(dequeuer);
      port.postReceive(server);
      port.postSend(client, Buffer.from('x'));
      const start = performance.now();
      while (dequeuer.all.every(({ kind }) => kind !== 'receive')) {
        dequeuer.take(30_000);
      }
      assert.ok(performance.now() - start < 15_000);
    }),
  );

  for (const timeoutMs of [-1, Number.NaN, -Infinity]) {
    bounded(`a timeout of ${timeoutMs} is an error`, () =>
      withPort(subject.options, (_dequeuer, port) => {
        assert.throws(() => port.getQueuedCompletions(new CompletionBatch(1), timeoutMs), { code: 'ERR_OUT_OF_RANGE' });
      }),
    );
  }

  for (const timeoutMs of [Infinity, 2 ** 31, 2 ** 53, 1e23, Number.MAX_VALUE]) {
    withThreads(`a timeout of ${timeoutMs} waits until another thread wakes the port`, () =>
      withPort(subject.options, async (_dequeuer, port) => {
        const shared = new Int32Array(new SharedArrayBuffer(4));
        const worker = startWorker(programPath('waking-worker'), { handle: port.wakeHandle, shared, wakeUps: 1 });
        const batch = new CompletionBatch(4);
        const before = process.cpuUsage();
        const count = port.getQueuedCompletions(batch, timeoutMs);
        const used = process.cpuUsage(before);
        assert.equal(count, 1);
        assert.deepEqual(
          [batch.at(0).kind, batch.at(0).bytes, batch.at(0).more, batch.at(0).socket],
          ['wakeUp', 1, false, undefined],
        );
        assert.equal(Atomics.load(shared, 0), 1, 'the worker had begun to wake');
        assert.ok(used.user + used.system < 3_000_000 * system.patience, 'waiting does not spin');
        await worker.terminate();
      }),
    );
  }

  bounded('wake-ups that were not dequeued yet are merged into one with their count', () =>
    withPort(subject.options, (dequeuer, port) => {
      for (let index = 0; index < 7; index++) {
        port.wakeUp();
      }
      let total = 0;
      while (total < 7) {
        assert.ok(dequeuer.take(1000) > 0, 'no wake-up is lost');
        total = dequeuer.all.reduce((sum, seen) => sum + seen.bytes, 0);
      }
      assert.equal(total, 7);
      assert.equal(dequeuer.take(0), 0);
      port.wakeUp();
      assert.equal(dequeuer.take(1000), 1);
      assert.equal(dequeuer.all.at(-1)?.bytes, 1);
    }),
  );

  withThreads('no wake-up is lost when several threads post them', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const wakeUps = 2000;
      const shared = new Int32Array(new SharedArrayBuffer(4));
      const workers = [0, 1].map(() =>
        startWorker(programPath('waking-worker'), { handle: port.wakeHandle, shared, wakeUps }),
      );
      const total = (): number => dequeuer.all.reduce((sum, seen) => sum + seen.bytes, 0);
      while (total() < 2 * wakeUps) {
        assert.ok(dequeuer.take(WAIT_MS) > 0, `${total()} of ${2 * wakeUps} wake-ups came`);
      }
      assert.equal(total(), 2 * wakeUps);
      await Promise.all(workers.map((worker) => worker.terminate()));
    }),
  );

  bounded('posting a wake-up to a closed port is EBADF', () => {
    const port = createPort(subject.options);
    const handle = port.wakeHandle;
    port.close();
    assert.throws(() => postWakeUp(handle), { code: 'EBADF' });
    assert.throws(() => port.wakeUp(), { code: 'EBADF' });
  });
}
