/** How the port handles the completions of queued sends. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RouterBench } from '../support/router-bench.js';

const ECONNRESET = 104;

describe('sends', () => {
  const results = (bench: RouterBench): unknown[] =>
    bench.take().map(({ context, bytes, code }) => [context, bytes, code]);

  test('sends queued after one in flight are sent together, and then the shutdown', () => {
    const bench = new RouterBench();
    const socket = bench.socket('connected');
    const first = bench.send(socket, 5, 'a');
    const second = bench.send(socket, 6, 'b');
    bench.send(socket, 7, 'c');
    bench.shutdown(socket, 'end');
    bench.send(socket, 8, 'd');
    assert.deepEqual(
      bench.driver.posted.map(({ what, byteLength }) => [what, byteLength]),
      [['send', 5]],
    );
    bench.complete(first, 5);
    assert.deepEqual(
      bench.driver.posted.slice(1).map(({ what, byteLength }) => [what, byteLength]),
      [['gather', 13]],
    );
    bench.complete(second, 13);
    assert.deepEqual(results(bench), [
      ['a', 5, undefined],
      ['b', 6, undefined],
      ['c', 7, undefined],
      ['end', 0, undefined],
    ]);
    assert.deepEqual(bench.driver.posted.at(-1)?.byteLength, 8);
  });

  test('the only send of a socket is submitted at once and leaves the queue empty', () => {
    const bench = new RouterBench();
    const socket = bench.socket('connected');
    bench.complete(bench.send(socket, 5, 'whole'), 5);
    assert.equal(socket.firstSend, -1);
    assert(!bench.router.sends.isSending(socket));
    const short = bench.send(socket, 6, 'short');
    bench.complete(short, 2);
    bench.complete(short, 4);
    bench.send(socket, 0, 'empty');
    const cancelled = bench.send(socket, 7, 'cancelled too late');
    bench.router.sends.cancelAll(socket);
    bench.complete(cancelled, 7);
    assert.deepEqual(
      bench.driver.posted.map(({ what, byteLength }) => [what, byteLength]),
      [
        ['send', 5],
        ['send', 6],
        ['send', 4],
        ['send', 7],
        ['cancel', 0],
      ],
    );
    assert.deepEqual(results(bench), [
      ['whole', 5, undefined],
      ['short', 6, undefined],
      ['empty', 0, undefined],
      ['cancelled too late', 7, undefined],
    ]);
    assert.equal(bench.operations.inFlight, 0);
    assert.equal(bench.sendMemory.blocksHeld, 0);
  });

  test('a short send continues where it stopped, over several queued sends', () => {
    const bench = new RouterBench();
    const socket = bench.socket('connected');
    const slots = [5, 6, 7].map((length) => bench.send(socket, length, length));
    bench.complete(slots[0] as number, 2);
    assert.equal(bench.driver.posted.at(-1)?.byteLength, 3 + 6 + 7);
    bench.complete(slots[0] as number, 10);
    assert.equal(bench.driver.posted.at(-1)?.slot, slots[2]);
    assert.equal(bench.driver.posted.at(-1)?.byteLength, 6);
    bench.complete(slots[2] as number, 6);
    assert.deepEqual(results(bench), [
      [5, 5, undefined],
      [6, 6, undefined],
      [7, 7, undefined],
    ]);
  });

  test('an error completes all queued sends in order', () => {
    const bench = new RouterBench();
    const socket = bench.socket('connected');
    const first = bench.send(socket, 5, 'a');
    bench.send(socket, 6, 'b');
    bench.shutdown(socket, 'end');
    bench.complete(first, -ECONNRESET);
    assert.deepEqual(results(bench), [
      ['a', 0, 'ECONNRESET'],
      ['b', 0, 'ECONNRESET'],
      ['end', 0, 'ECONNRESET'],
    ]);
    assert.equal(bench.sendMemory.blocksHeld, 0);
  });

  test('a cancel completes queued sends at once, and one in flight when the driver reports it', () => {
    const bench = new RouterBench();
    const socket = bench.socket('connected');
    const first = bench.send(socket, 5, 'a');
    bench.send(socket, 6, 'b');
    bench.router.sends.cancelAll(socket);
    assert.deepEqual(results(bench), [['b', 0, 'ECANCELED']]);
    assert.equal(bench.driver.posted.at(-1)?.what, 'cancel');
    // It was cancelled half way: the kernel reports the sent bytes, not the cancel.
    bench.complete(first, 2);
    assert.deepEqual(results(bench), [['a', 0, 'ECANCELED']]);
    assert.equal(bench.operations.inFlight, 0);
  });

  test('a cancel that is too late has no effect on its send, nor on later ones', () => {
    const bench = new RouterBench();
    const socket = bench.socket('connected');
    const first = bench.send(socket, 5, 'a');
    bench.router.sends.cancelAll(socket);
    bench.complete(first, 5);
    const second = bench.send(socket, 6, 'b');
    const third = bench.send(socket, 7, 'c');
    bench.complete(second, 6);
    bench.complete(third, 7);
    assert.deepEqual(results(bench), [
      ['a', 5, undefined],
      ['b', 6, undefined],
      ['c', 7, undefined],
    ]);
  });

  test('a failed shutdown reports its error', () => {
    const bench = new RouterBench();
    bench.driver.shutdownError = 107;
    bench.shutdown(bench.socket('connected'), 'end');
    assert.deepEqual(results(bench), [['end', 0, 'ENOTCONN']]);
  });
});
