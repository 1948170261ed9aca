/** Accepts when no sockets can be made: AcceptEx needs one beforehand. Windows has no limit that a test could lower. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CompletionPort } from 'overlapped/port';
import type { WindowsNonBlocking } from '../../../src/drivers/windows/non-blocking.js';
import { WSAEMFILE } from '../../../src/ffi/windows/constants.js';
import { type Dequeuer, listenOn, portOf, withPort } from '../../support/harness.js';
import { connectNode } from '../../support/node-client.js';

/** More than the AcceptEx calls that are posted already. */
const CLIENTS = 40;
const POSTED = 32;

function socketsOf(port: CompletionPort): WindowsNonBlocking {
  const { core } = port as unknown as { core: { driver: { sockets: WindowsNonBlocking } } };
  return core.driver.sockets;
}

/** Watches for half a second how often something is tried in vain. */
async function doesNotSpin(dequeuer: Dequeuer, tries: () => number): Promise<void> {
  const before = tries();
  const start = performance.now();
  await dequeuer.until(() => performance.now() - start > 500, 'half a second');
  assert(tries() - before <= 10, `${tries() - before} tries in half a second`);
}

test('on iocp, accepts wait while there are no descriptors, and then all clients are served', { timeout: 60_000 }, () =>
  withPort({ driver: 'iocp' }, async (dequeuer: Dequeuer, port) => {
    const listener = listenOn(port);
    dequeuer.take();
    const sockets = socketsOf(port);
    const { open } = sockets;
    let refused = 0;
    sockets.open = () => {
      refused++;
      return -WSAEMFILE;
    };
    const clients = await Promise.all(Array.from({ length: CLIENTS }, () => connectNode(portOf(listener))));
    const accepted = (): number => dequeuer.all.filter((seen) => seen.accepted !== undefined).length;
    await dequeuer.until(() => accepted() === POSTED, 'what was posted before');
    await dequeuer.until(() => port.statistics().acceptsDelayed > 0, 'the accept waits');
    assert.equal(dequeuer.all.filter((seen) => seen.code !== undefined).length, 0);
    await doesNotSpin(dequeuer, () => refused);
    sockets.open = open;
    await dequeuer.until(() => accepted() === CLIENTS, 'the others');
    for (const { accepted: socket } of dequeuer.all) {
      if (socket !== undefined) {
        port.closeSocket(socket);
      }
    }
    clients.forEach((client) => client.socket.destroy());
  }),
);

test(
  'on select, accepts wait while there are no descriptors, and then all clients are served',
  { timeout: 60_000 },
  () =>
    withPort({ driver: 'select' }, async (dequeuer: Dequeuer, port) => {
      const listener = listenOn(port);
      dequeuer.take();
      const sockets = socketsOf(port);
      const { accept } = sockets;
      let refused = 0;
      sockets.accept = () => {
        refused++;
        return -WSAEMFILE;
      };
      const clients = await Promise.all(Array.from({ length: CLIENTS }, () => connectNode(portOf(listener))));
      await dequeuer.until(() => port.statistics().acceptsDelayed > 0, 'the accept waits');
      await doesNotSpin(dequeuer, () => refused);
      assert.equal(dequeuer.all.length, 0);
      sockets.accept = accept;
      await dequeuer.until(() => dequeuer.all.length === CLIENTS, 'all of them');
      clients.forEach((client) => client.socket.destroy());
    }),
);
