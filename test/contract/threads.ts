/** Ports on other threads: in a worker's loop, blocking in a worker, terminated; and the garbage collector meanwhile. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { postWakeUp, type WakeHandle } from 'overlapped/port';
import { programPath, runProgram } from '../support/child.js';
import { eventually, longestBut, onceInTime, WAIT_MS } from '../support/harness.js';
import { createPort, startWorker } from '../support/leftovers.js';
import { connectNode } from '../support/node-client.js';
import { system } from '../support/system.js';
import { bounded, given, type Subject } from './subject.js';

interface Ready {
  readonly number: number;
  readonly handle: WakeHandle;
}

async function echoWorker(subject: Subject, mode: 'start' | 'run'): Promise<{ worker: Worker; ready: Ready }> {
  const worker = startWorker(programPath('echo-worker'), { options: subject.options, mode });
  const [ready] = (await once(worker, 'message', { signal: AbortSignal.timeout(WAIT_MS) })) as [Ready];
  return { worker, ready };
}

export function threads(subject: Subject): void {
  const withThreads = given(subject, 'threads');
  const withBlocking = subject.capabilities.threads === true ? given(subject, 'blocking') : withThreads;

  for (const mode of ['start', 'run'] as const) {
    (mode === 'run' ? withBlocking : withThreads)(
      `a port in a worker (${mode}) serves, and a wake-up from this thread ends it`,
      async () => {
        const { worker, ready } = await echoWorker(subject, mode);
        const clients = await Promise.all([0, 1, 2].map(() => connectNode(ready.number)));
        for (const client of clients) {
          for (let round = 1; round <= 50; round++) {
            client.socket.write('ping');
            await eventually(() => client.bytes === 4 * round, `echo ${round}`);
          }
        }
        const ended = once(worker, 'exit', { signal: AbortSignal.timeout(5000 * system.patience) });
        postWakeUp(ready.handle);
        assert.deepEqual(await ended, [0]);
        assert.throws(() => postWakeUp(ready.handle), { code: 'EBADF' });
        await eventually(() => clients.every((client) => client.ended || client.closed), 'its connections are closed');
        clients.forEach((client) => client.socket.destroy());
      },
    );
  }

  withThreads('a worker that is idle in its event loop can be terminated', async () => {
    await onceInTime(async () => {
      const { worker, ready } = await echoWorker(subject, 'start');
      const client = await connectNode(ready.number);
      client.socket.write('ping');
      await eventually(() => client.bytes === 4, 'the echo');
      const start = performance.now();
      await worker.terminate();
      client.socket.destroy();
      assert.ok(performance.now() - start < 2000, `${performance.now() - start} ms`);
    });
  });

  for (const mode of ['run', 'dequeue'] as const) {
    withBlocking(`a worker that blocks in ${mode} with nothing to do can be terminated`, async () => {
      const worker = startWorker(programPath('waiting-worker'), { options: subject.options, mode });
      await once(worker, 'message', { signal: AbortSignal.timeout(WAIT_MS) });
      // Time to enter the system call: earlier the worker could be terminated in any case.
      await sleep(50);
      assert.equal(await worker.terminate(), 1);
    });

    withBlocking(`process.exit() ends the process while a worker blocks in ${mode}`, async () => {
      const result = await runProgram('exit-while-waiting', [subject.programOptions, mode]);
      assert.deepEqual([result.exitCode, result.signal, result.stderr], [7, null, '']);
    });
  }

  for (const how of ['return', 'throw', 'exit'] as const) {
    withThreads(`a worker that ends by itself (${how}) frees its ports, and its peers see a reset`, async () => {
      const worker = startWorker(programPath('ending-worker'), { options: subject.options });
      worker.on('error', () => undefined);
      const [number] = (await once(worker, 'message', { signal: AbortSignal.timeout(WAIT_MS) })) as [number];
      const client = await connectNode(number);
      client.socket.write('ping');
      await eventually(() => client.bytes === 4, 'the echo');
      const ended = new Promise((resolve) => worker.once('exit', resolve));
      worker.postMessage(how);
      assert.equal(await ended, how === 'throw' ? 1 : 0);
      await eventually(() => client.closed, 'its connection is closed');
      assert.equal(client.code, 'ECONNRESET');
      const socket = createPort(subject.options).createSocket('ipv4');
      socket.bind({ family: 'ipv4', address: '127.0.0.1', port: number });
      socket.listen();
    });
  }

  withThreads(
    'terminating workers under load again and again crashes nothing',
    async () => {
      const result = await runProgram('terminated-workers', [subject.programOptions, `${12 / system.patience}`], {
        timeoutMs: 110_000,
      });
      assert.deepEqual([result.exitCode, result.signal, result.stderr], [0, null, '']);
      const { tookMs } = JSON.parse(result.stdout);
      assert.ok(longestBut(1, tookMs) < 2500, `terminate took ${tookMs} ms`);
    },
    120_000,
  );

  bounded(
    'the garbage collector frees no memory that the system still uses',
    async () => {
      const result = await runProgram('collected', [subject.programOptions], {
        timeoutMs: 110_000,
        nodeOptions: ['--expose-gc'],
      });
      assert.deepEqual([result.exitCode, result.signal, result.stderr, result.stdout.trim()], [0, null, '', 'intact']);
    },
    120_000,
  );
}
