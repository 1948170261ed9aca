/** Closing sockets and ports: operations in flight complete, the peer notices, descriptors and memory are freed. */

import assert from 'node:assert/strict';
import { CompletionBatch, type OverlappedSocket } from 'overlapped/port';
import {
  connectPair,
  Dequeuer,
  drain,
  eventually,
  LOOPBACK,
  listenOn,
  portOf,
  withPort,
  zeros,
} from '../support/harness.js';
import { createPort } from '../support/leftovers.js';
import { isRefused } from '../support/peers.js';
import { bounded, type Subject } from './subject.js';

/** More than any driver has places for from the start. */
const MANY = 400;

export function closing(subject: Subject): void {
  bounded('closing a port closes all sockets that were never associated with it', () =>
    withPort(subject.options, async (_, port) => {
      const socketsBefore = port.statistics().sockets;
      const sockets = Array.from({ length: MANY }, () => port.createSocket('ipv4'));
      assert.equal(port.statistics().sockets, socketsBefore + MANY);
      for (const socket of sockets) {
        port.closeSocket(socket);
        assert.equal(socket.state, 'closed');
      }
      assert.equal(port.statistics().sockets, socketsBefore);
    }),
  );

  bounded('closing a connection with a receive in flight sends FIN', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const listener = listenOn(port);
      const client = await subject.peers.connect(portOf(listener));
      const server = (await dequeuer.next('accept')).accepted as OverlappedSocket;
      port.associate(server);
      port.postReceive(server);
      dequeuer.take();
      port.closeSocket(server);
      const end = await dequeuer.next('receive');
      assert.deepEqual([end.code, end.more], ['ECANCELED', false]);
      await dequeuer.until(() => client.ended, 'the end of the stream at the peer');
      assert.equal(client.code, undefined);
      client.socket.destroy();
    }),
  );

  bounded('closing sends the queued bytes first, and then FIN', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const listener = listenOn(port);
      const client = await subject.peers.connect(portOf(listener));
      const server = (await dequeuer.next('accept')).accepted as OverlappedSocket;
      port.associate(server);
      port.postSend(server, Buffer.from('last words'));
      await dequeuer.next('send');
      port.closeSocket(server);
      await dequeuer.until(() => client.ended, 'the end of the stream at the peer');
      assert.equal(client.data.toString(), 'last words');
      client.socket.destroy();
    }),
  );

  bounded('the peer of a close with reset sees ECONNRESET', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const listener = listenOn(port);
      const client = await subject.peers.connect(portOf(listener));
      const server = (await dequeuer.next('accept')).accepted as OverlappedSocket;
      port.associate(server);
      port.postReceive(server);
      dequeuer.take();
      port.closeSocket(server, { reset: true });
      assert.equal((await dequeuer.next('receive')).code, 'ECANCELED');
      await dequeuer.until(() => client.closed, 'the reset at the peer');
      assert.equal(client.code, 'ECONNRESET');
    }),
  );

  bounded('closing a listener with an accept in flight stops listening at once', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const listener = listenOn(port);
      const number = portOf(listener);
      dequeuer.take();
      port.closeSocket(listener);
      // Before anything is dequeued: the system itself must refuse.
      assert.equal(await isRefused(subject.peers, number), true);
      const end = await dequeuer.next('accept');
      assert.deepEqual([end.code, end.more], ['ECANCELED', false]);
      const again = port.createSocket('ipv4');
      again.bind({ family: 'ipv4', address: '127.0.0.1', port: number });
      again.listen();
    }),
  );

  bounded('closing a listener leaks no connection that was partly accepted', async () => {
    for (let round = 0; round < 20; round++) {
      await withPort(subject.options, async (dequeuer, port) => {
        const listener = listenOn(port);
        dequeuer.take();
        const clients = await Promise.all([0, 1, 2].map(() => subject.peers.connect(portOf(listener))));
        port.closeSocket(listener);
        await dequeuer.next('accept');
        await dequeuer.until(() => dequeuer.take() === 0, 'nothing more comes');
        // The test closes the accepted connections; the port must have closed the others.
        for (const { accepted } of dequeuer.all) {
          if (accepted !== undefined) {
            port.closeSocket(accepted);
          }
        }
        await dequeuer.until(
          () => clients.every((client) => client.ended || client.closed),
          'the end of all three connections',
        );
        clients.forEach((client) => client.socket.destroy());
      });
    }
  });

  bounded('after port.close the remaining completions can be dequeued, then it is EBADF', async () => {
    const port = createPort(subject.options);
    const dequeuer = new Dequeuer(port);
    const { client, server } = await connectPair(dequeuer);
    port.postReceive(server, { context: 'r' });
    port.postSend(client, zeros(30_000_000), 's');
    dequeuer.take();
    port.close();
    port.close();
    assert.equal(port.isClosed, true);
    drain(dequeuer);
    const ended = dequeuer.all.filter((seen) => !seen.more);
    for (const context of ['r', 's']) {
      assert.equal(ended.filter((seen) => seen.context === context).length, 1, `${context} ends once`);
    }
    assert.equal(ended.find((seen) => seen.context === 's')?.code, 'ECANCELED');
    const batch = new CompletionBatch(4);
    assert.throws(() => port.getQueuedCompletions(batch, 0), { code: 'EBADF' });
    assert.throws(() => port.getQueuedCompletions(batch, Infinity), { code: 'EBADF' });
    assert.throws(() => port.createSocket('ipv4'), { code: 'EBADF' });
    assert.throws(() => port.postReceive(server), { code: 'EBADF' });
    assert.equal(server.closed, true);
  });

  bounded('a port can be closed with accepts, connects, receives and sends in flight', async () => {
    const port = createPort(subject.options);
    const dequeuer = new Dequeuer(port);
    const { client, server } = await connectPair(dequeuer);
    port.postReceive(server);
    port.postSend(client, zeros(30_000_000));
    port.postShutdown(client);
    listenOn(port);
    const connecting = port.createSocket('ipv4');
    const full = port.createSocket('ipv4');
    full.bind(LOOPBACK);
    full.listen(0);
    port.associate(connecting);
    port.postConnect(connecting, full.localAddress());
    const start = performance.now();
    port.close();
    assert.ok(performance.now() - start < 4000, 'closing does not wait for a time limit');
    drain(dequeuer);
    assert.equal(port.statistics().operationsInFlight, 0);
    assert.equal(port.statistics().sockets, 0);
  });

  bounded('closing a socket twice, or one that was never used, is no error', () =>
    withPort(subject.options, (_dequeuer, port) => {
      const socket = port.createSocket('ipv6');
      port.closeSocket(socket);
      port.closeSocket(socket);
      port.closeSocket(socket, { reset: true });
      assert.equal(port.statistics().sockets, 0);
    }),
  );

  bounded("no old completion reaches a new socket that reuses a closed socket's descriptor number", () =>
    withPort(subject.options, async (dequeuer, port) => {
      const listener = listenOn(port);
      for (let round = 0; round < 50; round++) {
        const client = await subject.peers.connect(portOf(listener));
        client.socket.write('garbage');
        const accept = await dequeuer.next('accept');
        if (!accept.more) {
          port.postAccept(listener);
        }
        const server = accept.accepted as OverlappedSocket;
        port.associate(server, round);
        port.postReceive(server, { context: round });
        if (round % 2 === 0) {
          dequeuer.take();
        }
        port.closeSocket(server, { reset: round % 3 === 0 });
        client.socket.destroy();
        await eventually(() => client.closed, 'the client is closed');
      }
      await dequeuer.until(() => port.statistics().operationsInFlight === 1, 'only the accept is in flight');
      for (const seen of dequeuer.all.filter(({ kind }) => kind === 'receive')) {
        assert.equal(seen.key, seen.context);
      }
    }),
  );
}
