/** How the port handles operations that the system interrupts, or refuses for a moment. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ACCEPT, CONNECT, RECEIVE } from '../../src/port/operations.js';
import { RouterBench } from '../support/router-bench.js';

describe('operations that fail for a moment', () => {
  const EINTR = 4;
  const ENOMEM = 12;

  test('a cancelled operation that is interrupted completes as cancelled', () => {
    const bench = new RouterBench();
    const reads = [
      [bench.socket('connected', 10), RECEIVE],
      [bench.socket('listening', 11), ACCEPT],
    ] as const;
    for (const [socket, kind] of reads) {
      const slot = bench.read(socket, kind);
      bench.operations.cancelled[slot] = 1;
      bench.complete(slot, -EINTR);
    }
    const connecting = bench.socket('connecting', 12);
    const slot = bench.operations.allocate(CONNECT, connecting, undefined);
    connecting.readSlot = slot;
    bench.operations.cancelled[slot] = 1;
    bench.complete(slot, -EINTR);
    assert.equal(connecting.state, 'failed');
    const codes = bench.take().map(({ kind, code }) => [kind, code]);
    assert.deepEqual(codes, [
      ['receive', 'ECANCELED'],
      ['accept', 'ECANCELED'],
      ['connect', 'ECANCELED'],
    ]);
  });

  test('a cancelled send that is interrupted completes as cancelled, with the bytes it had sent', () => {
    const bench = new RouterBench();
    const socket = bench.socket('connected');
    bench.send(socket, 100, 'first');
    bench.send(socket, 50, 'second');
    const slot = socket.firstSend;
    // The driver takes one whole, and a part of the next.
    bench.complete(slot, 100);
    const second = socket.firstSend;
    bench.complete(second, 20);
    bench.router.sends.cancelAll(socket);
    bench.complete(second, -EINTR);
    const ends = bench.take().map(({ context, code, bytes }) => [context, code, bytes]);
    assert.deepEqual(ends, [
      ['first', undefined, 100],
      ['second', 'ECANCELED', 0],
    ]);
    assert.equal(bench.operations.inFlight, 0);
  });

  /** Until what waits is due, and then it is posted. */
  function retry(bench: RouterBench): void {
    while (bench.driver.clock.now() < bench.retries.interruptedDueAt) {
      // It is due within a ms.
    }
    bench.retries.retryInterrupted((socket) => bench.router.sends.restart(socket));
  }

  test('wait and are posted again, and sends continue with the remaining bytes', () => {
    const bench = new RouterBench();
    const receiver = bench.socket('connected', 10);
    const receive = bench.read(receiver, RECEIVE);
    const accept = bench.read(bench.socket('listening', 11), ACCEPT);
    const sender = bench.socket('connected', 12);
    const send = bench.send(sender, 100, 'send');
    bench.complete(send, 30);
    bench.driver.posted.length = 0;
    bench.complete(receive, -ENOMEM);
    bench.complete(accept, -EINTR);
    bench.complete(send, -ENOMEM);
    assert.deepEqual([bench.take(), bench.driver.posted], [[], []]);
    assert(bench.retries.interruptedDueAt < Infinity);
    while (bench.retries.interruptedDueAt < Infinity) {
      retry(bench);
    }
    const posted = bench.driver.posted.map(({ what, slot, byteLength }) => [what, slot, byteLength]);
    assert.deepEqual(posted, [
      ['receive', receive, 0],
      ['accept', accept, 0],
      ['send', send, 70],
    ]);
    bench.complete(send, 70);
    assert.deepEqual(
      bench.take().map(({ context, bytes }) => [context, bytes]),
      [['send', 100]],
    );
  });

  test('complete if they are cancelled while they wait, and are not posted again', () => {
    const bench = new RouterBench();
    const sender = bench.socket('connected', 12);
    const send = bench.send(sender, 100, 'send');
    bench.complete(send, -ENOMEM);
    bench.router.sends.cancelAll(sender);
    assert.deepEqual(
      bench.take().map(({ code }) => code),
      ['ECANCELED'],
    );
    bench.driver.posted.length = 0;
    retry(bench);
    assert.deepEqual(bench.driver.posted, []);
  });
});
