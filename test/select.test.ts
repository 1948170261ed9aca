/** The driver `select` keeps the contract, and knows descriptors beyond FD_SETSIZE. */

import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { describe, test } from 'node:test';
import { contractSuite } from './contract/suite.js';
import { eventually } from './support/harness.js';
import { LoopEcho } from './support/loop-echo.js';
import { connectNode } from './support/node-client.js';

contractSuite('select', { multishot: false, unixConnectWaits: false });

describe('select beyond 1,024 descriptors', () => {
  test('serves connections whose numbers are higher', { timeout: 20_000 }, async () => {
    const filled = Array.from({ length: 1200 }, () => openSync('/dev/null', 'r'));
    try {
      const echo = new LoopEcho({ driver: 'select' }).start();
      assert.ok(echo.listener.handle > 1024);
      const clients = await Promise.all(Array.from({ length: 40 }, () => connectNode(echo.number)));
      for (const client of clients) {
        client.socket.write('ping');
      }
      await eventually(() => clients.every((client) => client.bytes === 4), 'all echoes');
      assert.equal(echo.opened, 40);
      clients.forEach((client) => {
        client.socket.end();
      });
      await eventually(() => echo.closed === 40, 'all closed');
      clients.forEach((client) => {
        client.socket.destroy();
      });
      echo.port.close();
    } finally {
      filled.forEach((descriptor) => {
        closeSync(descriptor);
      });
    }
  });
});
