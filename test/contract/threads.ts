/** Ports on other threads: in a worker's loop, blocking in a worker, terminated; and the garbage collector meanwhile. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { postWakeUp, type WakeHandle } from 'overlapped';
import { programPath, runProgram } from '../support/child.js';
import { eventually, longestBut, onceInTime, WAIT_MS } from '../support/harness.js';
import { startWorker } from '../support/leftovers.js';
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

  for (const mode of ['start', 'run'] as const) {
    withThreads(`a port in a worker (${mode}) serves, and a wake-up from this thread ends it`, async () => {
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
    });
  }

  withThreads('a worker that is idle in its loop can be terminated within two seconds', async () => {
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

  withThreads(
    'workers terminated under load, again and again, crash nothing',
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
    'the garbage collector takes nothing that the system still uses',
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
