/** Servers whose threads die during traffic, one after another. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runProgram } from '../support/child.js';

/** Freed memory goes back to the system at once: by default the C library keeps what threads had for other threads. */
const BEFORE = ['env', 'MALLOC_MMAP_THRESHOLD_=1000000'];
/** Memory that Node itself keeps of a worker that ended, and some noise, for each death. */
const RSS_BYTES_PER_DEATH = 400_000;
const RSS_BYTES_NOISE = 12_000_000;

for (const [driver, distribution, count] of [
  ['io_uring', 'dispatch', 18],
  ['epoll', 'dispatch', 9],
  ['io_uring', 'reuse_port', 9],
] as const) {
  test(`${count} threads die during traffic (${driver}, ${distribution}): the others still serve, and nothing leaks`, {
    timeout: 170_000,
  }, async () => {
    const result = await runProgram('killed-threads', [driver, distribution, `${count}`], {
      timeoutMs: 160_000,
      before: BEFORE,
      nodeOptions: ['--expose-gc'],
    });
    assert.deepEqual([result.exitCode, result.signal, result.stderr], [0, null, '']);
    const { failures, deaths, before, after, rounds } = JSON.parse(result.stdout);
    assert.deepEqual(failures, []);
    assert.ok(deaths >= count && rounds > 100 * count, result.stdout);
    assert.equal(after.descriptors, before.descriptors, result.stdout);
    assert.equal(after.contexts, before.contexts, result.stdout);
    // One for each thread that has ports: the main one accepts.
    assert.equal(after.contexts, driver === 'epoll' ? 4 : 0, result.stdout);
    assert.ok(after.rssBytes - before.rssBytes < RSS_BYTES_NOISE + count * RSS_BYTES_PER_DEATH, result.stdout);
  });
}
