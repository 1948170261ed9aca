/** How the port handles the completions of a driver, including those that tests with real sockets cannot cause. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ACCEPT, RECEIVE } from '../../src/port/operations.js';
import { RouterBench } from '../support/router-bench.js';

const ENOBUFS = 105;
const EMFILE = 24;
const ECONNABORTED = 103;
const ECONNRESET = 104;
const ECANCELED = 125;

describe('late completions', () => {
  test('a completion for a reused slot is dropped and counted, and its buffer returns to the pool', () => {
    const bench = new RouterBench();
    const first = bench.socket('connected');
    const slot = bench.read(first, RECEIVE);
    const before = bench.generation(slot);
    bench.complete(slot, -ECANCELED);
    bench.take();
    const second = bench.socket('connected', 11);
    assert.equal(bench.read(second, RECEIVE), slot, 'the slot is used again');
    bench.complete(slot, 20, { generation: before, buffer: 1 });
    bench.complete(slot, 20, { generation: before, more: true });
    assert.equal(bench.router.lateCompletions, 2);
    assert.deepEqual(bench.driver.given, [1]);
    assert.deepEqual(bench.take(), []);
    assert.equal(second.readSlot, slot);
    bench.complete(slot, 5, { buffer: 0 });
    assert.deepEqual(
      bench.take().map(({ socket, bytes }) => [socket, bytes]),
      [[second, 5]],
    );
  });

  test('a completion for a free or unknown slot is dropped and counted', () => {
    const bench = new RouterBench();
    bench.complete(7, 1);
    bench.complete(100_000, 1, { generation: 0 });
    assert.equal(bench.router.lateCompletions, 2);
  });

  test('a generation that wraps around 31 bits is still distinct', () => {
    const bench = new RouterBench();
    const socket = bench.socket('connected');
    const slot = bench.read(socket, RECEIVE);
    bench.operations.generation[slot] = 2 ** 31 - 1;
    bench.complete(slot, 0);
    assert.equal(bench.generation(slot), -(2 ** 31));
    assert.equal(bench.read(socket, RECEIVE), slot);
    bench.complete(slot, 0, { generation: 2 ** 31 - 1 });
    assert.equal(bench.router.lateCompletions, 1);
  });
});

describe('accepts', () => {
  test('an accept is posted again if its connection went away before it was accepted', () => {
    const bench = new RouterBench();
    const slot = bench.read(bench.socket('listening'), ACCEPT);
    bench.complete(slot, -ECONNABORTED);
    assert.deepEqual(bench.take(), []);
    assert.deepEqual(
      bench.driver.posted.map(({ what, slot: posted }) => [what, posted]),
      [['accept', slot]],
    );
  });

  test('without descriptors an accept waits, and is posted again when a socket is closed', () => {
    const bench = new RouterBench();
    const slot = bench.read(bench.socket('listening'), ACCEPT);
    bench.complete(slot, -EMFILE);
    assert.deepEqual(bench.driver.posted, []);
    assert.equal(bench.retries.acceptsDelayed, 1);
    const other = bench.socket('closing', 12);
    bench.router.closeIfIdle(other);
    assert.deepEqual(bench.driver.closedSockets, [12]);
    assert.deepEqual(
      bench.driver.posted.map(({ what }) => what),
      ['accept'],
    );
  });

  for (const errno of [EMFILE, ECONNABORTED]) {
    test(`an accept cancelled just before error ${errno} completes, and is not posted again`, () => {
      const bench = new RouterBench();
      const slot = bench.read(bench.socket('listening'), ACCEPT);
      bench.operations.cancelled[slot] = 1;
      bench.complete(slot, -errno);
      assert.deepEqual(
        bench.take().map(({ code, more }) => [code, more]),
        [['ECANCELED', false]],
      );
      assert.deepEqual(bench.driver.posted, []);
    });
  }

  test('a connection that arrives while its listener closes is closed, and the listener after its last completion', () => {
    const bench = new RouterBench();
    const listener = bench.socket('listening');
    const slot = bench.read(listener, ACCEPT);
    listener.state = 'closing';
    bench.complete(slot, 55, { more: true });
    assert.deepEqual(bench.driver.closedSockets, [55]);
    assert.deepEqual(bench.take(), []);
    bench.complete(slot, 56);
    assert.deepEqual(bench.driver.closedSockets, [55, 56, 10]);
    assert.deepEqual(
      bench.take().map(({ code }) => code),
      ['ECANCELED'],
    );
  });
});

describe('receives', () => {
  test('the buffer of data for a closing socket goes to a waiting receive', () => {
    const bench = new RouterBench();
    const waits = bench.socket('connected', 11);
    const waiting = bench.read(waits, RECEIVE);
    bench.complete(waiting, -ENOBUFS);
    assert.deepEqual(bench.driver.posted, []);
    const socket = bench.socket('connected');
    const slot = bench.read(socket, RECEIVE);
    socket.state = 'closing';
    bench.complete(slot, 9, { buffer: 1, more: true });
    assert.deepEqual(bench.driver.given, [1]);
    assert(bench.retries.receivesDue);
    bench.retries.retryReceives();
    assert.deepEqual(
      bench.driver.posted.map(({ what, slot: posted }) => [what, posted]),
      [['receive', waiting]],
    );
  });

  test('the buffer of a late completion goes to a waiting receive', () => {
    const bench = new RouterBench();
    const waiting = bench.read(bench.socket('connected', 11), RECEIVE);
    bench.complete(waiting, -ENOBUFS);
    assert(!bench.retries.receivesDue);
    bench.complete(9, 9, { buffer: 0, generation: 77 });
    assert(bench.retries.receivesDue);
    bench.retries.retryReceives();
    assert.equal(bench.driver.posted.length, 1);
    assert(!bench.retries.receivesDue);
  });

  test('a reset is an error, and the end of the stream is 0 bytes', () => {
    const bench = new RouterBench();
    const socket = bench.socket('connected');
    bench.complete(bench.read(socket, RECEIVE), -ECONNRESET);
    bench.complete(bench.read(socket, RECEIVE), 0);
    assert.deepEqual(
      bench.take().map(({ code, bytes, more }) => [code, bytes, more]),
      [
        ['ECONNRESET', 0, false],
        [undefined, 0, false],
      ],
    );
  });

  test('an unknown error number is kept', () => {
    const bench = new RouterBench();
    bench.complete(bench.read(bench.socket('connected'), RECEIVE), -4095);
    const [completion] = bench.take();
    assert.equal(completion?.code, 'UNKNOWN_4095');
    assert.equal(completion?.toError().systemNumber, 4095);
    assert.equal(completion?.toError().errno, undefined);
  });
});
