/** Workers of the program's own that are terminated from outside: nothing of theirs is left in the process, which goes on. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, describe, test } from 'node:test';
import type { Worker } from 'node:worker_threads';
import type { CompletionPortOptions, DriverName } from 'overlapped/port';
import { noteOnWorkers } from '../../src/cli/doctor/doctor.js';
import { programPath, runProgram } from '../support/child.js';
import { eventually, WAIT_MS } from '../support/harness.js';
import { closeLeftovers, createPort, startWorker } from '../support/leftovers.js';
import { contextsOpen } from '../support/linux.js';
import { connectNode, type NodeClient } from '../support/node-client.js';
import { system } from '../support/system.js';

const TIMEOUT = { timeout: 90_000 };
const CLIENTS = 4;
/** Deaths before anything is measured: what the first ones bring into being once for all is no leak. */
const WARM_UP = 2;
/** The counts are exact, so a few are enough; `npm run stress` has hundreds. */
const DEATHS = 3;

after(closeLeftovers);

async function serveFrom(
  program: string,
  options: CompletionPortOptions,
  mode = 'start',
): Promise<[Worker, NodeClient[]]> {
  const worker = startWorker(programPath(program), { options, mode });
  const [{ number }] = (await once(worker, 'message', { signal: AbortSignal.timeout(WAIT_MS) })) as [
    { number: number },
  ];
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => connectNode(number)));
  clients.forEach((client) => client.socket.write('ping'));
  await eventually(() => clients.every((client) => client.bytes === 4), 'the echoes');
  return [worker, clients];
}

async function leavesNothing(program: string, options: CompletionPortOptions, mode?: string): Promise<void> {
  let before = { descriptors: 0, contexts: 0 };
  for (let death = 0; death < WARM_UP + DEATHS; death++) {
    if (death === WARM_UP) {
      before = { descriptors: system.descriptorsOpen(), contexts: contextsOpen() };
    }
    const [worker, clients] = await serveFrom(program, options, mode);
    await worker.terminate();
    await eventually(() => clients.every((client) => client.closed), 'the connections are closed');
    assert.deepEqual(new Set(clients.map((client) => client.code)), new Set(['ECONNRESET']));
  }
  // Contexts are given back on a thread of libuv's pool.
  await eventually(
    () => system.descriptorsOpen() <= before.descriptors && contextsOpen() <= before.contexts,
    `descriptors and contexts are as many as before: ${JSON.stringify(before)}`,
  );
}

for (const driver of system.drivers) {
  describe(`Workers of the program's own that are terminated (${driver})`, () => {
    for (const mode of ['start', 'run'] as const) {
      test(`leave no descriptor and no context open (${mode})`, TIMEOUT, () =>
        leavesNothing('echo-worker', { driver }, mode),
      );
    }

    test('nor do their own workers', TIMEOUT, () => leavesNothing('nested-worker', { driver }));
  });
}

describe('io_uring without DEFER_TASKRUN', () => {
  const disabledFeatures = ['defer_taskrun'];
  const driverIn = async (
    options: CompletionPortOptions,
  ): Promise<{ driver?: DriverName; skippedDrivers?: string[]; code?: string; message?: string }> => {
    const worker = startWorker(programPath('choosing-worker'), options);
    const [answer] = await once(worker, 'message', { signal: AbortSignal.timeout(WAIT_MS) });
    return answer;
  };

  test('is not offered in a worker: by name it is an error, and auto takes the next driver', TIMEOUT, async () => {
    const named = await driverIn({ driver: 'io_uring', disabledFeatures });
    assert.equal(named.code, 'ERR_DRIVER_UNAVAILABLE');
    assert.match(named.message ?? '', /DEFER_TASKRUN.*Linux 6\.1/);
    const auto = await driverIn({ driver: 'auto', disabledFeatures });
    assert.equal(auto.driver, 'epoll');
    assert.match(auto.skippedDrivers?.[0] ?? '', /^io_uring: .*DEFER_TASKRUN/);
    // Here nothing is freed while the ring lives.
    const port = createPort({ driver: 'io_uring', disabledFeatures });
    assert.equal(port.driver, 'io_uring');
  });

  test('doctor reports it', () => {
    const check = { name: 'io_uring', usable: true, features: ['single_issuer'] } as const;
    assert.match(noteOnWorkers(check) ?? '', /workers use epoll instead.*DEFER_TASKRUN/);
    assert.equal(noteOnWorkers({ ...check, features: ['single_issuer', 'defer_taskrun'] }), undefined);
    assert.equal(noteOnWorkers({ ...check, name: 'epoll' }), undefined);
  });

  test('is not chosen for the threads of a server either', TIMEOUT, async () => {
    const result = await runProgram('threads-without-defer', []);
    assert.deepEqual([result.exitCode, result.stderr], [0, '']);
    const [auto, named] = JSON.parse(result.stdout);
    assert.deepEqual([auto.driver, auto.echoed], ['epoll', '0']);
    assert.match(auto.skippedDrivers[0], /^io_uring: .*DEFER_TASKRUN/);
    assert.equal(named.code, 'ERR_DRIVER_UNAVAILABLE');
  });
});
