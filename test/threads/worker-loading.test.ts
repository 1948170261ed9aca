/** Workers that are stopped while they load the library: koffi must not end the process. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runProgram } from '../support/child.js';
import { system } from '../support/system.js';

const TIMEOUT = { timeout: 180_000 * system.patience };

/** Moments at which the process exits, spread over the time that the threads take. Each driver has moments of its own. */
const MOMENTS = Math.round(6 / system.patience);

test('terminating a worker while it loads ends only that worker', TIMEOUT, async () => {
  const count = Math.round(60 / system.patience ** 2);
  const result = await runProgram('ends-while-loading', ['terminate', `${count}`], { timeoutMs: 170_000 });
  assert.deepEqual([result.exitCode, result.signal, result.stderr], [0, null, '']);
});

system.drivers.forEach((driver, index) => {
  test(`the process exits while the threads of a server load (${driver})`, TIMEOUT, async () => {
    const { stdout } = await runProgram('ends-while-loading', ['measure', driver]);
    const shift = index / system.drivers.length;
    for (let moment = 1 - shift; moment <= MOMENTS; moment++) {
      const delayMs = Math.round((Number(stdout) * moment) / MOMENTS);
      const result = await runProgram('ends-while-loading', ['exit', `${delayMs}`, driver]);
      assert.deepEqual([result.exitCode, result.signal, result.stderr], [3, null, ''], `after ${delayMs} ms`);
    }
  });
});
