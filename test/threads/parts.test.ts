/** Parts of a server on threads that need no thread: the delay before a replacement, and sums of statistics. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BackOff, YOUNG_MS } from '../../src/threads/back-off.js';
import { sumOf, zeroOf } from '../../src/threads/sums.js';

describe('parts of a server on threads', () => {
  test('a thread that dies soon after its start is replaced with growing delays', () => {
    const backOff = new BackOff();
    assert.equal(backOff.next(YOUNG_MS), 0);
    const delays = Array.from({ length: 12 }, () => backOff.next(YOUNG_MS - 1));
    assert.deepEqual(delays.slice(0, 4), [50, 100, 200, 400]);
    assert.equal(delays.at(-1), 10_000);
    assert.equal(backOff.next(YOUNG_MS), 0);
  });

  test('statistics of threads are added up at any depth', () => {
    const sum = sumOf({ a: 1, b: { c: 2, d: 'epoll' } }, { a: 3, b: { c: 4, d: 'epoll', e: 5 } } as never);
    assert.deepEqual(sum, { a: 4, b: { c: 6, d: 'epoll', e: 5 } });
    assert.deepEqual(zeroOf(sum), { a: 0, b: { c: 0, d: 'epoll', e: 0 } });
  });
});
