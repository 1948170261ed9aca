/** Mistakes that only iocp can make: operations that complete at once with a packet, and the thread that dequeues meanwhile. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  connectPair,
  type Dequeuer,
  eventually,
  listenOn,
  longestBut,
  sendAndCancel,
  withPort,
} from '../../support/harness.js';
import { LoopEcho } from '../../support/loop-echo.js';
import { connectNode } from '../../support/node-client.js';
import { manyStreams } from '../../support/streams.js';
import { system } from '../../support/system.js';

const TIMEOUT = { timeout: 60_000 * system.patience };
const driver = 'iocp';

for (const disabledFeatures of [[], ['skip_completion_port_on_success']]) {
  const options = { driver, disabledFeatures } as const;

  describe(`iocp without ${disabledFeatures[0] ?? 'nothing'}`, () => {
    test("the port's features report it", TIMEOUT, () =>
      withPort(options, (_dequeuer, port) => {
        assert.equal(port.features.includes('skip_completion_port_on_success'), disabledFeatures.length === 0);
      }),
    );

    test('a round trip, a cancel and a close work in blocking calls', TIMEOUT, () =>
      withPort(options, async (dequeuer, port) => {
        const { client, server } = await connectPair(dequeuer);
        await sendAndCancel(dequeuer, client, server);
        port.closeSocket(client);
        port.postReceive(server);
        assert.equal((await dequeuer.next('receive', server)).bytes, 0);
      }),
    );

    test('connections that arrive together are accepted once each', TIMEOUT, () =>
      withPort(options, async (dequeuer, port) => {
        const listener = listenOn(port);
        const sockets = Array.from({ length: 100 }, () => {
          const socket = port.createSocket('ipv4');
          port.associate(socket);
          port.postConnect(socket, listener.localAddress());
          return socket;
        });
        for (const socket of sockets) {
          assert.equal((await dequeuer.next('connect', socket)).code, undefined);
        }
        await dequeuer.until(() => acceptedBy(dequeuer) === sockets.length, '100 accepts');
      }),
    );

    test('an echo server works in the event loop', TIMEOUT, () =>
      manyStreams({ options, streams: 20, bytesEach: 300_000 }),
    );
  });
}

function acceptedBy(dequeuer: Dequeuer): number {
  return dequeuer.all.filter(({ accepted }) => accepted !== undefined).length;
}

describe('the thread that dequeues for the event loop', () => {
  test('a blocking dequeue finds the completions that the thread has taken, and none is lost', TIMEOUT, async () => {
    const echo = new LoopEcho({ driver });
    const client = await connectNode(echo.number);
    const took: number[] = [];
    for (let round = 1; round <= 30; round++) {
      echo.start();
      // The thread waits by then, or has just taken something.
      await new Promise((resolve) => setTimeout(resolve, round % 7));
      client.socket.write('ping');
      if (round % 3 === 0) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      echo.port.stop();
      const start = performance.now();
      // Blocks this thread and its event loop: no other event can show that the other thread is back.
      while (echo.received < 4 * round) {
        echo.port.run((completion) => {
          echo.handler(completion);
          echo.port.stop();
        });
      }
      took.push(performance.now() - start);
      await eventually(() => client.bytes >= 4 * (round - 1), `echo ${round - 1}`);
    }
    echo.start();
    await eventually(() => client.bytes === 4 * 30, 'the last echo');
    assert.ok(longestBut(3, took) < 500 * system.patience, `${took} ms`);
    client.socket.destroy();
    echo.port.close();
  });

  test('ports closed while the thread waits leave no handle behind', TIMEOUT, async () => {
    const round = async (): Promise<void> => {
      const echo = new LoopEcho({ driver }).start();
      await new Promise((resolve) => setTimeout(resolve, 5));
      echo.port.close();
    };
    await round();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const before = system.descriptorsOpen();
    for (let count = 0; count < 20; count++) {
      await round();
    }
    await eventually(() => system.descriptorsOpen() <= before, `the ${before} handles of before`);
  });
});
