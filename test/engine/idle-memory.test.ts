/** The memory of idle connections: what each takes, and that it is free once they are closed. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { runProgram } from '../support/child.js';
import { onceInTime } from '../support/harness.js';

const CONNECTIONS = 800;

/** Bytes for each: the records of a connection and its socket, and their places in two sets and tables. */
const OPEN_MAX = 360;
/** Half of what the records alone take: none of them may be left. */
const CLOSED_MAX = 120;

async function measure(driver: string): Promise<void> {
  // Code that any of V8's compilers makes meanwhile would count as memory.
  const nodeOptions = ['--expose-gc', '--no-opt', '--no-maglev', '--no-sparkplug'];
  const result = await runProgram('idle-memory', [driver, `${CONNECTIONS}`], { nodeOptions });
  assert.deepEqual([result.exitCode, result.stderr], [0, '']);
  const { openEach, closedEach } = JSON.parse(result.stdout);
  assert.ok(openEach < OPEN_MAX, `${openEach} bytes each while they are open`);
  assert.ok(openEach > CLOSED_MAX, `${openEach} bytes each: they are not counted`);
  assert.ok(closedEach < CLOSED_MAX, `${closedEach} bytes each after they have closed`);
}

describe('idle connections', () => {
  for (const driver of ['io_uring', 'epoll', 'select']) {
    const title = `take little memory, which is free after they have closed, on ${driver}`;
    test(title, { timeout: 100_000 }, () => onceInTime(() => measure(driver)));
  }
});
