/** Ports answer while libuv's pool is taken, and leave it to others. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { probeDrivers } from 'overlapped';
import { Child, programPath } from './support/child.js';
import { system } from './support/system.js';

/** Of the programs that are started here. */
process.env.UV_THREADPOOL_SIZE = '1';

describe("libuv's pool, of one thread that is taken,", () => {
  for (const { name } of probeDrivers().filter(({ probe }) => probe.usable)) {
    for (const withhold of process.platform === 'win32' ? [[]] : [[], ['event_loop_watch']]) {
      for (const when of ['settled', 'starting']) {
        const without = withhold.length > 0 ? " without Node's own epoll" : '';
        test(`does not hold up ports on ${name}${without} that are ${when}`, {
          timeout: 60_000 * system.patience,
        }, async () => {
          const child = new Child(programPath('pool-taken'), [JSON.stringify({ driver: name, withhold }), when]);
          try {
            await child.says(/^answered$/m);
            child.process.stdin?.end('x');
            await child.says(/^ended$/m);
            assert.deepEqual(await child.ended.then(({ exitCode, stderr }) => ({ exitCode, stderr })), {
              exitCode: 0,
              stderr: '',
            });
          } finally {
            child.kill();
          }
        });
      }
    }
  }
});
