/** Many connections come and go; everything is back where it was. */

import assert from 'node:assert/strict';
import { eventually } from '../support/harness.js';
import { LoopEcho } from '../support/loop-echo.js';
import type { Peers } from '../support/peers.js';
import { system } from '../support/system.js';
import { bounded, type Subject } from './subject.js';

const CONNECTIONS = Math.ceil(5000 / system.patience);
const AT_ONCE = 50;

/** One connection: a message and its echo, then an end or a reset, each tenth by reset. */
function visit(peers: Peers, number: number, index: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = peers.open(number);
    socket.on('error', () => undefined);
    socket.on('close', () => resolve());
    socket.on('data', () => {
      if (index % 10 === 0) {
        socket.resetAndDestroy();
      } else {
        socket.end();
      }
    });
    socket.write(`message ${index}`);
  });
}

async function visits(peers: Peers, number: number, count: number): Promise<void> {
  let next = 0;
  const one = async (): Promise<void> => {
    while (next < count) {
      await visit(peers, number, next++);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
}

export function leaks(subject: Subject): void {
  const { peers } = subject;

  bounded(
    `opening and closing ${CONNECTIONS} connections, each tenth by reset, leaks nothing`,
    async () => {
      const echo = new LoopEcho({ ...subject.options, bufferCount: 256 }).start();
      try {
        await visits(peers, echo.number, 200);
        await eventually(() => echo.port.statistics().sockets === 1, 'warmed up');
        const before = peers.descriptorsOpen();
        const { operationsInFlight } = echo.port.statistics();
        await visits(peers, echo.number, CONNECTIONS);
        await eventually(() => echo.port.statistics().sockets === 1, 'every connection is closed');
        assert.equal(echo.opened, CONNECTIONS + 200);
        const after = echo.port.statistics();
        assert.equal(after.operationsInFlight, operationsInFlight);
        assert.equal(after.buffersLent, 0);
        assert.equal(after.sendBlocksHeld, 0);
        assert.equal(after.completionsQueued, 0);
        // Node may have closed one of its own meanwhile.
        await eventually(
          () => peers.descriptorsOpen() <= before,
          `the ${before} descriptors of before, now ${peers.descriptorsOpen()}`,
        );
      } finally {
        echo.port.close();
      }
    },
    60_000,
  );

  bounded('opening, using and closing ports leaks no descriptor', async () => {
    const round = async (): Promise<void> => {
      const echo = new LoopEcho(subject.options).start();
      await visit(peers, echo.number, 1);
      echo.port.close();
    };
    await round();
    const settled = (): boolean => {
      const now = peers.descriptorsOpen();
      return now <= before;
    };
    let before = peers.descriptorsOpen();
    await eventually(() => peers.descriptorsOpen() <= before, 'the first is closed');
    before = peers.descriptorsOpen();
    for (let index = 0; index < 30; index++) {
      await round();
    }
    await eventually(settled, `the ${before} descriptors of before, now ${peers.descriptorsOpen()}`);
  });
}
