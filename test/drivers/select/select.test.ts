/** The driver `select` keeps the contract, and knows sockets beyond FD_SETSIZE. */

import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { devNull } from 'node:os';
import { describe, test } from 'node:test';
import { contractSuite } from '../../contract/suite.js';
import { eventually } from '../../support/harness.js';
import { LoopEcho } from '../../support/loop-echo.js';
import { connectNode } from '../../support/node-client.js';
import { lackOf, system } from '../../support/system.js';

contractSuite('select', { multishot: false, unixConnectWaits: false });

/** So many connections at once, each served, and closed. */
async function serve(echo: LoopEcho, connections: number): Promise<void> {
  const clients = await Promise.all(Array.from({ length: connections }, () => connectNode(echo.number)));
  for (const client of clients) {
    client.socket.write('ping');
  }
  await eventually(() => clients.every((client) => client.bytes === 4), 'all echoes');
  assert.equal(echo.opened, connections);
  clients.forEach((client) => {
    client.socket.end();
  });
  await eventually(() => echo.closed === connections, 'all closed');
  clients.forEach((client) => {
    client.socket.destroy();
  });
  echo.port.close();
}

describe('select beyond FD_SETSIZE', () => {
  const bounds = { timeout: 60_000 * system.patience };

  test('serves connections whose numbers are above 1,024', {
    ...bounds,
    skip: lackOf('descriptorNumbers'),
  }, async () => {
    const filled = Array.from({ length: 1200 }, () => openSync(devNull, 'r'));
    try {
      const echo = new LoopEcho({ driver: 'select' }).start();
      assert.ok(echo.listener.handle > 1024);
      await serve(echo, 40);
    } finally {
      filled.forEach((descriptor) => {
        closeSync(descriptor);
      });
    }
  });

  for (const connections of [62, 63, 64, 65, 200]) {
    test(`serves ${connections} connections at once, with a set of 64 on Windows`, bounds, () =>
      serve(new LoopEcho({ driver: 'select' }).start(), connections),
    );
  }
});
