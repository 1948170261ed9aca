/** The driver `epoll` keeps the contract, also where Node's own epoll cannot be used to wake the event loop. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { contractSuite } from '../../contract/suite.js';
import { eventually } from '../../support/harness.js';
import { LoopEcho } from '../../support/loop-echo.js';
import { connectNode } from '../../support/node-client.js';
import { manyStreams } from '../../support/streams.js';

contractSuite('epoll', { multishot: false, unixConnectWaits: false });

describe("epoll without Node's own epoll", () => {
  const options = { driver: 'epoll' as const, disabledFeatures: ['event_loop_watch'] };

  test('is woken by a waiting thread', { timeout: 60_000 }, async () => {
    const echo = new LoopEcho(options).start();
    const client = await connectNode(echo.number);
    for (let round = 1; round <= 50; round++) {
      client.socket.write('ping');
      await eventually(() => client.bytes === 4 * round, `echo ${round}`);
    }
    assert.match(echo.port.eventLoopWatch ?? '', /waiting thread/);
    echo.port.close();
    await eventually(() => client.ended, 'the close');
    client.socket.destroy();
  });

  test('streams', { timeout: 60_000 }, () => manyStreams({ options, streams: 20, bytesEach: 300_000 }));
});
