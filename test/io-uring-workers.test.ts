/** The kernel starts no threads for the driver `io_uring`. In a process of its own: such a thread stays for some seconds. */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { connectPair, withPort } from './support/harness.js';

/** Threads of the kernel that work for this process's rings. */
function workersOf(): number {
  const names = readdirSync('/proc/self/task').map((thread) => readFileSync(`/proc/self/task/${thread}/comm`, 'utf8'));
  return names.filter((name) => name.startsWith('iou-wrk')).length;
}

const BYTES = 4_000_000;

test('a large send to a slow reader takes no thread of the kernel', { timeout: 60_000 }, () =>
  withPort({ driver: 'io_uring' }, async (dequeuer, port) => {
    const { client, server } = await connectPair(dequeuer, (socket) => {
      socket.setOption('sendBufferBytes', 8192);
      socket.setOption('receiveBufferBytes', 8192);
    });
    port.postSend(server, Buffer.alloc(BYTES));
    let most = 0;
    for (let received = 0; received < BYTES; ) {
      port.postReceive(client, { once: true });
      const { bytes, code } = await dequeuer.next('receive', client);
      assert.equal(code, undefined);
      received += bytes;
      most = Math.max(most, workersOf());
    }
    assert.equal((await dequeuer.next('send', server)).bytes, BYTES);
    assert.equal(most, 0);
  }),
);
