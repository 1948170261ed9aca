/** Every operation completes, once. */

import assert from 'node:assert/strict';
import type { OverlappedSocket } from 'overlapped/port';
import { connectPair, Dequeuer, listenOn, portOf, type Seen, withPort, zeros } from '../support/harness.js';
import type { PeerClient } from '../support/peer-client.js';
import { bounded, type Subject } from './subject.js';

/** How many completions end an operation: one for each operation. */
function ends(all: readonly Seen[], kind: Seen['kind'], context: unknown): number {
  return all.filter((seen) => seen.kind === kind && seen.context === context && !seen.more).length;
}

export function completions(subject: Subject): void {
  bounded('accept, connect, send, receive and shutdown complete with their keys and contexts', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const listener = port.createSocket('ipv4');
      listener.bind({ family: 'ipv4', address: '127.0.0.1', port: 0 });
      listener.listen();
      const key = { name: 'listener' };
      port.associate(listener, key);
      port.postAccept(listener, 'accept 1');
      const client = port.createSocket('ipv4');
      port.associate(client, 17);
      port.postConnect(client, listener.localAddress(), 'connect 1');
      const connected = await dequeuer.next('connect');
      assert.deepEqual(
        [connected.key, connected.context, connected.more, connected.code],
        [17, 'connect 1', false, undefined],
      );
      const accept = await dequeuer.next('accept');
      assert.equal(accept.key, key);
      assert.equal(accept.context, 'accept 1');
      assert.equal(accept.more, true);
      const server = accept.accepted as OverlappedSocket;
      assert.deepEqual(server.remoteAddress(), client.localAddress());
      assert.deepEqual(client.remoteAddress(), server.localAddress());
      port.associate(server);
      port.postReceive(server, { context: 'receive 1' });
      port.postSend(client, Buffer.from('hello'), 'send 1');
      const sent = await dequeuer.next('send');
      assert.deepEqual([sent.bytes, sent.context, sent.socket, sent.more], [5, 'send 1', client, false]);
      const received = await dequeuer.next('receive');
      assert.deepEqual([received.data?.toString(), received.context, received.socket], ['hello', 'receive 1', server]);
      port.postShutdown(client, 'shutdown 1');
      const shut = await dequeuer.next('shutdown');
      assert.deepEqual([shut.context, shut.code, shut.bytes], ['shutdown 1', undefined, 0]);
    }),
  );

  bounded('a repeating accept has `more` set on each completion but the final one', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const listener = listenOn(port);
      const clients: PeerClient[] = [];
      for (let index = 0; index < 5; index++) {
        clients.push(await subject.peers.connect(portOf(listener)));
        const accept = await dequeuer.next('accept');
        assert.equal(accept.more, true);
        if (!accept.more) {
          port.postAccept(listener);
        }
      }
      port.cancel(listener, 'accept');
      const last = await dequeuer.next('accept');
      assert.deepEqual([last.more, last.code, last.accepted], [false, 'ECANCELED', undefined]);
      clients.forEach((client) => client.socket.destroy());
    }),
  );

  bounded('a repeating receive has `more` set on each completion but the final one', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const { client, server } = await connectPair(dequeuer);
      let posted = 1;
      port.postReceive(server, { context: 'r' });
      for (let index = 0; index < 20; index++) {
        port.postSend(client, Buffer.from([index]));
        const seen = await dequeuer.next('receive');
        assert.equal(seen.data?.[0], index);
        assert.equal(seen.more, subject.capabilities.multishot);
        if (!seen.more) {
          port.postReceive(server, { context: 'r' });
          posted++;
        }
      }
      port.postShutdown(client);
      const end = await dequeuer.next('receive');
      assert.deepEqual([end.bytes, end.more, end.code], [0, false, undefined]);
      assert.equal(ends(dequeuer.all, 'receive', 'r'), posted);
    }),
  );

  bounded('a receive posted with `once` completes once on every driver', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const { client, server } = await connectPair(dequeuer);
      for (let index = 0; index < 5; index++) {
        port.postReceive(server, { once: true });
        port.postSend(client, Buffer.from([index]));
        const seen = await dequeuer.next('receive');
        assert.deepEqual([seen.more, seen.data?.[0]], [false, index]);
      }
    }),
  );

  bounded('each of hundreds of operations has one final completion, however it ends', async () => {
    const all: Seen[] = [];
    let posted = 0;
    const tag = (): number => posted++;
    await withPort(subject.options, async (dequeuer, port) => {
      const listener = listenOn(port);
      const sockets: OverlappedSocket[] = [];
      for (let index = 0; index < 60; index++) {
        const client = port.createSocket('ipv4');
        port.associate(client);
        port.postConnect(client, listener.localAddress(), tag());
        sockets.push(client);
      }
      await dequeuer.until(() => dequeuer.all.filter((seen) => seen.kind === 'connect').length === 60, '60 connects');
      sockets.forEach((socket, index) => {
        port.postReceive(socket, { context: tag() });
        port.postSend(socket, Buffer.alloc(100 + index), tag());
        port.postSend(socket, zeros(8_000_000), tag());
        port.postSend(socket, [Buffer.alloc(10), Buffer.alloc(2000)], tag());
        if (index % 3 === 0) {
          port.cancel(socket, 'receive');
          port.cancel(socket, 'send');
        } else if (index % 3 === 1) {
          port.closeSocket(socket);
        }
      });
      dequeuer.take();
      port.close();
      while (port.statistics().completionsQueued > 0) {
        dequeuer.take();
      }
      all.push(...dequeuer.all);
    });
    for (let context = 0; context < posted; context++) {
      const mine = all.filter((seen) => seen.context === context);
      assert.equal(mine.filter((seen) => !seen.more).length, 1, `operation ${context} ends once`);
    }
  });

  bounded('completions that do not fit into a small batch are in the next one, in order', () =>
    withPort(subject.options, async (large, port) => {
      const { client, server } = await connectPair(large);
      for (let index = 0; index < 50; index++) {
        port.postSend(client, Buffer.from([index]), index);
      }
      port.postShutdown(client, 50);
      const small = new Dequeuer(port, 3);
      await small.until(() => small.all.length === 51, '51 completions');
      assert.deepEqual(
        small.all.map((seen) => seen.context),
        Array.from({ length: 51 }, (_, index) => index),
      );
      port.postReceive(server);
      const { data } = await large.receiveAll(server);
      assert.deepEqual(
        [...data],
        Array.from({ length: 50 }, (_, index) => index),
      );
    }),
  );

  bounded('completions that were queued before their socket was closed can still be dequeued', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const { client, server } = await connectPair(dequeuer);
      port.postSend(server, Buffer.alloc(0), 'empty');
      port.postShutdown(server, 'shutdown');
      port.closeSocket(server);
      port.closeSocket(client);
      assert.equal((await dequeuer.next('send')).context, 'empty');
      assert.equal((await dequeuer.next('shutdown')).context, 'shutdown');
    }),
  );
}
