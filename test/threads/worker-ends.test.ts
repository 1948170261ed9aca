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
import { connectNode, type NodeClient, openNode } from '../support/node-client.js';
import { PeerClient } from '../support/peer-client.js';
import { system } from '../support/system.js';

const isLinux = process.platform === 'linux';
const TIMEOUT = { timeout: 90_000 * system.patience };
const CLIENTS = 4;
const SENT_BYTE = 0xaa;
const OTHER_BYTE = 0x55;
/** Deaths before anything is measured: what the first ones bring into being once for all is no leak. */
const WARM_UP = isLinux ? 2 : 1;
/** The counts are exact, so a few are enough; `npm run stress` has hundreds. In Wine a worker takes seconds to start. */
const DEATHS = isLinux ? 3 : 1;

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
  const contexts = (): number => (isLinux ? contextsOpen() : 0);
  let before = { descriptors: 0, contexts: 0 };
  for (let death = 0; death < WARM_UP + DEATHS; death++) {
    if (death === WARM_UP) {
      before = { descriptors: system.descriptorsOpen(), contexts: contexts() };
    }
    const [worker, clients] = await serveFrom(program, options, mode);
    await worker.terminate();
    await eventually(() => clients.every((client) => client.closed), 'the connections are closed');
    assert.deepEqual(new Set(clients.map((client) => client.code)), new Set(['ECONNRESET']));
  }
  // Contexts are given back on a thread of libuv's pool.
  await eventually(
    () => system.descriptorsOpen() <= before.descriptors && contexts() <= before.contexts,
    `descriptors and contexts are as many as before: ${JSON.stringify(before)}`,
  );
}

/** Reads what a server in a worker has sent that is terminated while the peers do not read. */
async function sendsOwnBytesOnly(options: CompletionPortOptions): Promise<void> {
  const worker = startWorker(programPath('sending-worker'), { options, byte: SENT_BYTE });
  const [{ number }] = (await once(worker, 'message', { signal: AbortSignal.timeout(WAIT_MS) })) as [
    { number: number },
  ];
  const sockets = Array.from({ length: CLIENTS }, () => openNode(number));
  await Promise.all(sockets.map((socket) => once(socket, 'readable', { signal: AbortSignal.timeout(WAIT_MS) })));
  await worker.terminate();
  // Takes the memory that the worker had.
  const others = Array.from({ length: 256 }, (_, index) => Buffer.alloc(4096 * (1 + (index % 64)), OTHER_BYTE));
  const clients = sockets.map((socket) => new PeerClient(socket));
  await eventually(() => clients.every((client) => client.ended || client.closed), 'the connections are over');
  for (const { data } of clients) {
    assert.ok(data.byteLength > 0);
    assert.equal(
      data.findIndex((byte) => byte !== SENT_BYTE),
      -1,
    );
  }
  assert.ok(others.every((other) => other.every((byte) => byte === OTHER_BYTE)));
}

for (const driver of system.drivers) {
  describe(`Workers of the program's own that are terminated (${driver})`, () => {
    for (const mode of ['start', 'run'] as const) {
      test(`leave no descriptor and no context open (${mode})`, TIMEOUT, () =>
        leavesNothing('echo-worker', { driver }, mode),
      );
    }

    test('nor do their own workers', TIMEOUT, () => leavesNothing('nested-worker', { driver }));

    test('and send nothing but what they have written', TIMEOUT, () => sendsOwnBytesOnly({ driver }));
  });
}

describe('io_uring without DEFER_TASKRUN', { skip: isLinux ? false : 'io_uring is a driver of Linux' }, () => {
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
