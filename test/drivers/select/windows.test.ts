/** Mistakes that only Windows' select can make: a closed SOCKET in a set would fail the call for all. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { describe, test } from 'node:test';
import { WindowsSelect } from '../../../src/drivers/select/windows.js';
import { WindowsNonBlocking } from '../../../src/drivers/windows/non-blocking.js';
import { WakeSockets } from '../../../src/drivers/windows/wake.js';
import { spawned } from '../../support/child.js';
import { connectPair, eventually, withPort } from '../../support/harness.js';
import { LoopEcho } from '../../support/loop-echo.js';
import { connectNode } from '../../support/node-client.js';
import { system } from '../../support/system.js';

const CONNECTIONS = 200;
const BOUNDED = { timeout: 60_000 };

describe('select on Windows', () => {
  test('serves more than 64 sockets', BOUNDED, async () => {
    const echo = new LoopEcho({ driver: 'select' }).start();
    const clients = await Promise.all(Array.from({ length: CONNECTIONS }, () => connectNode(echo.number)));
    await eventually(() => echo.opened === CONNECTIONS, 'all connections');
    for (const client of clients) {
      client.socket.write('ping');
    }
    await eventually(() => clients.every((client) => client.bytes === 4), 'all echoes');
    for (const client of clients) {
      client.socket.destroy();
    }
    await eventually(() => echo.closed === CONNECTIONS, 'all closed');
    echo.port.close();
  });

  test('closing a listener that is being waited for fails no operation, and its handle may be reused', BOUNDED, () => {
    const sockets = new WindowsNonBlocking();
    const select = new WindowsSelect(sockets);
    const call = select.createCall();
    const wake = new WakeSockets(sockets);
    const listener = sockets.create({ family: 'ipv4', dualStack: false });
    for (const socket of [wake.readable, listener]) {
      select.add(socket);
      select.wantRead(socket, true);
    }
    sockets.shutdownBoth(listener);
    wake.wake();
    assert.deepEqual(readable(), [wake.readable]);

    // It gets the lowest free handle, the listener's.
    const next = new WakeSockets(sockets);
    select.add(next.readable);
    select.wantRead(next.readable, true);
    next.wake();
    assert.deepEqual(readable(), [wake.readable, next.readable]);
    wake.close();
    next.close();
    sockets.close(listener);

    function readable(): number[] {
      const found: number[] = [];
      assert(call.select(1000) > 0);
      call.forEachReady((socket) => found.push(socket));
      return found;
    }
  });

  test('urgent data does not wake a waiting send', BOUNDED, () =>
    withPort({ driver: 'select' }, async (dequeuer, port) => {
      const { client, server } = await connectPair(dequeuer);
      port.postSend(server, Buffer.alloc(50_000_000));
      await dequeuer.until(() => dequeuer.take(100) === 0, 'the send is stuck');
      system.sendByHand(client, '!', 'urgent');
      const before = process.cpuUsage();
      assert.equal(dequeuer.take(1000), 0);
      const { user, system: kernel } = process.cpuUsage(before);
      assert(user + kernel < 300_000, `${user + kernel} µs in a second`);
    }),
  );

  test('a child process keeps no accepted connection open', BOUNDED, async () => {
    const echo = new LoopEcho({ driver: 'select' }).start();
    const client = await connectNode(echo.number);
    await eventually(() => echo.opened === 1, 'the connection');
    const child = spawned(() => spawn(process.execPath, ['-e', 'setTimeout(() => {}, 15_000)'], { stdio: 'ignore' }));
    try {
      await new Promise((resolve) => child.once('spawn', resolve));
      echo.port.close();
      await eventually(() => client.ended || client.closed, 'the end at the client');
    } finally {
      client.socket.destroy();
      child.kill();
    }
  });
});

describe('wake-ups through a loopback connection', () => {
  test('count each wake-up, and leave nothing behind', BOUNDED, () => {
    const sockets = new WindowsNonBlocking();
    new WakeSockets(sockets).close();
    const before = system.descriptorsOpen();
    for (let round = 0; round < 10; round++) {
      const wake = new WakeSockets(sockets);
      assert.equal(wake.take(), 0);
      for (let count = 0; count < 1000; count++) {
        wake.wake();
      }
      let taken = 0;
      for (let count = wake.take(); count > 0; count = wake.take()) {
        taken += count;
      }
      assert.equal(taken, 1000);
      wake.close();
    }
    assert.equal(system.descriptorsOpen(), before);
  });
});
