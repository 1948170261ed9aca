/** Many connections come and go; everything is back where it was. */

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { eventually } from '../support/harness.js';
import { LoopEcho } from '../support/loop-echo.js';
import { system } from '../support/system.js';
import { bounded, type Subject } from './subject.js';

const CONNECTIONS = 5000;
const AT_ONCE = 50;

/** One connection: a message and its echo, then an end or a reset, each tenth by reset. */
function visit(number: number, index: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ port: number, host: '127.0.0.1' });
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

async function visits(number: number, count: number): Promise<void> {
  let next = 0;
  const one = async (): Promise<void> => {
    while (next < count) {
      await visit(number, next++);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
}

export function leaks(subject: Subject): void {
  bounded(
    `${CONNECTIONS} connections opened and closed, each tenth by reset, leave nothing behind`,
    async () => {
      const echo = new LoopEcho({ ...subject.options, buffersMax: 256 }).start();
      try {
        await visits(echo.number, 200);
        await eventually(() => echo.port.statistics.sockets === 1, 'warmed up');
        const before = system.descriptorsOpen();
        const { operationsInFlight } = echo.port.statistics;
        await visits(echo.number, CONNECTIONS);
        await eventually(() => echo.port.statistics.sockets === 1, 'every connection is closed');
        assert.equal(echo.opened, CONNECTIONS + 200);
        const after = echo.port.statistics;
        assert.equal(after.operationsInFlight, operationsInFlight);
        assert.equal(after.buffersLent, 0);
        assert.equal(after.sendBlocksHeld, 0);
        assert.equal(after.completionsQueued, 0);
        await eventually(
          () => system.descriptorsOpen() === before,
          `the ${before} descriptors of before, now ${system.descriptorsOpen()}`,
        );
      } finally {
        echo.port.close();
      }
    },
    60_000,
  );

  bounded('ports opened, used and closed leave no descriptor behind', async () => {
    const round = async (): Promise<void> => {
      const echo = new LoopEcho(subject.options).start();
      await visit(echo.number, 1);
      echo.port.close();
    };
    await round();
    const settled = (): boolean => {
      const now = system.descriptorsOpen();
      return now <= before;
    };
    let before = system.descriptorsOpen();
    await eventually(() => system.descriptorsOpen() <= before, 'the first is closed');
    before = system.descriptorsOpen();
    for (let index = 0; index < 30; index++) {
      await round();
    }
    await eventually(settled, `the ${before} descriptors of before, now ${system.descriptorsOpen()}`);
  });
}
