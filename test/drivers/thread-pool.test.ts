/** Ports answer while libuv's pool is taken, and leave it to others. */

import assert from 'node:assert/strict';
import { syncBuiltinESMExports } from 'node:module';
import { afterEach, describe, test } from 'node:test';
import workerThreads from 'node:worker_threads';
import { Child, programPath } from '../support/child.js';
import { SYSTEM_DRIVERS } from '../support/drivers.js';
import { eventually } from '../support/harness.js';
import { closeLeftovers } from '../support/leftovers.js';
import { LoopEcho } from '../support/loop-echo.js';
import { connectNode } from '../support/node-client.js';
import { system } from '../support/system.js';

/** For the programs that are started here. */
process.env.UV_THREADPOOL_SIZE = '1';

describe('a busy libuv pool of one thread', () => {
  for (const name of SYSTEM_DRIVERS) {
    for (const disabledFeatures of process.platform === 'win32' ? [[]] : [[], ['event_loop_watch']]) {
      for (const when of ['settled', 'starting']) {
        const without = disabledFeatures.length > 0 ? " without Node's own epoll" : '';
        test(`does not hold up ports on ${name}${without} that are ${when}`, {
          timeout: 60_000 * system.patience,
        }, async () => {
          const child = new Child(programPath('pool-taken'), [
            JSON.stringify({ driver: name, disabledFeatures }),
            when,
          ]);
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

const { Worker } = workerThreads;

/** Workers that cannot be started, by the reason that is reported. */
const FAILING: Readonly<Record<string, () => workerThreads.Worker>> = {
  Denied: () => {
    throw new Error('Denied');
  },
  Broken: () => new Worker("throw new Error('Broken')", { eval: true }),
};

describe('a port that cannot start its waiting thread', () => {
  afterEach(() => {
    setWorker(Worker);
    closeLeftovers();
  });

  function setWorker(value: unknown): void {
    Object.assign(workerThreads, { Worker: value });
    syncBuiltinESMExports();
  }

  for (const name of SYSTEM_DRIVERS) {
    for (const [reason, create] of Object.entries(FAILING)) {
      test(`polls by a timer on ${name}, and gives the reason: ${reason}`, {
        timeout: 60_000 * system.patience,
      }, async () => {
        const workers: unknown[] = [];
        setWorker(function FailingWorker(): workerThreads.Worker {
          workers.push(reason);
          return create();
        });
        const echo = new LoopEcho({ driver: name, disabledFeatures: ['event_loop_watch'] }).start();
        const kind = new RegExp(`^a poll every 10 ms, because there is no waiting thread: .*${reason}`);
        await eventually(() => kind.test(echo.port.eventLoopWatch ?? ''), 'the timer');
        const client = await connectNode(echo.number);
        for (let round = 1; round <= 3; round++) {
          client.socket.write('ping');
          await eventually(() => client.bytes === 4 * round, `echo ${round}`);
        }
        assert.equal(workers.length, 1);
        client.socket.destroy();
      });
    }
  }
});
