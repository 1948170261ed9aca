/** The kernel starts no threads for the driver `io_uring`. In a process of its own: such a thread stays for some seconds. */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { CompletionPort, OverlappedSocket } from 'overlapped/port';
import { connectPair, withPort } from '../../support/harness.js';

/** Threads of the kernel that work for this process's rings. */
function workersOf(): number {
  const names = readdirSync('/proc/self/task').map((thread) => readFileSync(`/proc/self/task/${thread}/comm`, 'utf8'));
  return names.filter((name) => name.startsWith('iou-wrk')).length;
}

const BYTES = 4_000_000;
const PIECE_BYTES = 62_500;

/** The whole at once, as many sends that go out together, and as one send of many pieces. */
const SENDS: Readonly<Record<string, (port: CompletionPort, socket: OverlappedSocket) => number>> = {
  'one buffer': (port, socket) => {
    port.postSend(socket, Buffer.alloc(BYTES));
    return 1;
  },
  'many sends': (port, socket) => {
    for (let sent = 0; sent < BYTES; sent += PIECE_BYTES) {
      port.postSend(socket, Buffer.alloc(PIECE_BYTES));
    }
    return BYTES / PIECE_BYTES;
  },
  'many pieces': (port, socket) => {
    port.postSend(
      socket,
      Array.from({ length: BYTES / PIECE_BYTES }, () => Buffer.alloc(PIECE_BYTES)),
    );
    return 1;
  },
};

for (const [what, send] of Object.entries(SENDS)) {
  test(`a large send to a slow reader uses no kernel worker thread: ${what}`, { timeout: 60_000 }, () =>
    withPort({ driver: 'io_uring' }, async (dequeuer, port) => {
      const { client, server } = await connectPair(dequeuer, (socket) => {
        socket.setOption('sendBufferBytes', 8192);
        socket.setOption('receiveBufferBytes', 8192);
      });
      const sends = send(port, server);
      let most = 0;
      for (let received = 0; received < BYTES; ) {
        port.postReceive(client, { once: true });
        const { bytes, code } = await dequeuer.next('receive', client);
        assert.equal(code, undefined);
        received += bytes;
        most = Math.max(most, workersOf());
      }
      let sent = 0;
      for (let count = 0; count < sends; count++) {
        sent += (await dequeuer.next('send', server)).bytes;
      }
      assert.equal(sent, BYTES);
      assert.equal(most, 0);
    }),
  );
}
