/** Several threads with the driver `node`: servers, whose connections cannot move between them, and wake-ups. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ThreadedListenOptions } from 'overlapped';
import { hasReusePort } from '../../../src/drivers/node/handles.js';
import { listen } from '../../support/bundle.js';
import { programPath } from '../../support/child.js';
import { SYSTEM_DRIVERS } from '../../support/drivers.js';
import { eventually, withPort } from '../../support/harness.js';
import { closeLeftovers, startWorker } from '../../support/leftovers.js';
import { connectNode } from '../../support/node-client.js';
import { lackOf } from '../../support/system.js';

const TIMEOUT = { timeout: 60_000 };
const THREADS = 2;

type Where = Pick<ThreadedListenOptions, 'host' | 'port' | 'path'>;

/** The threads and warnings of a server that answers each of some clients. */
async function served(where: Where): Promise<{ threads: number; distribution: string; warnings: string[] }> {
  const warnings: string[] = [];
  const onWarning = ({ name, message }: Error): void => {
    if (name === 'OverlappedThreadWarning') {
      warnings.push(message);
    }
  };
  process.on('warning', onWarning);
  try {
    await using server = await listen({
      threads: THREADS,
      module: programPath('echo-handlers'),
      driver: 'node',
      limits: { connectionsMax: 8 },
      ...where,
    } as ThreadedListenOptions);
    assert.equal(server.driver, 'node');
    const { address } = server;
    const clients = await Promise.all(
      Array.from({ length: 4 }, () => connectNode(address.family === 'unix' ? address.path : address.port)),
    );
    await eventually(() => clients.every(({ bytes }) => bytes === 1), 'the number of a thread');
    clients.forEach(({ socket }) => void socket.write('ping'));
    await eventually(() => clients.every(({ bytes }) => bytes === 5), 'the echoes');
    clients.forEach(({ socket }) => socket.destroy());
    const { threads, distribution } = server;
    return { threads, distribution, warnings };
  } finally {
    process.off('warning', onWarning);
  }
}

const ONE_THREAD = /^Sockets of the driver node belong to one thread.*: one thread serves instead of 2$/;

test('each thread listens where Node can share a port, and otherwise one serves with a warning', TIMEOUT, async () => {
  const { threads, distribution, warnings } = await served({ host: '127.0.0.1', port: 0 });
  assert.equal(distribution, 'reuse_port');
  assert.equal(threads, hasReusePort ? THREADS : 1);
  assert.equal(warnings.length, hasReusePort ? 0 : 1);
  if (!hasReusePort) {
    assert.match(warnings[0] as string, ONE_THREAD);
  }
});

test('one thread serves a path', { ...TIMEOUT, skip: lackOf('unixSockets') }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'overlapped-'));
  try {
    const { threads, warnings } = await served({ path: join(folder, 'socket') });
    assert.equal(threads, 1);
    assert.match(warnings[0] as string, ONE_THREAD);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

for (const driver of SYSTEM_DRIVERS) {
  test(`a thread whose only port is on node wakes a port on ${driver} of another thread`, TIMEOUT, async () => {
    try {
      await withPort({ driver }, async (dequeuer, port) => {
        const shared = new Int32Array(new SharedArrayBuffer(4));
        startWorker(programPath('waking-worker'), { handle: port.wakeHandle, shared, wakeUps: 1, driver: 'node' });
        await dequeuer.next('wakeUp');
      });
    } finally {
      closeLeftovers();
    }
  });
}
