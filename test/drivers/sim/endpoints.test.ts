/** Both ends of a simulated network: ports, and endpoints without a port. */

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { describe } from 'node:test';
import { CompletionPort, type OverlappedSocket, type SocketAddress } from 'overlapped/port';
import { SimNetwork } from 'overlapped/sim';
import { bounded } from '../../contract/subject.js';
import { programPath } from '../../support/child.js';
import { Dequeuer, eventually, listenOn, withPort } from '../../support/harness.js';
import { Visits } from '../../support/sim-visits.js';

function sendAndEnd(port: CompletionPort, socket: OverlappedSocket, data: Uint8Array): void {
  port.postSend(socket, data);
  port.postShutdown(socket);
}

describe('endpoints', () => {
  const address: SocketAddress = { family: 'ipv4', address: '127.0.0.1', port: 4000 };

  bounded('an endpoint connects to a port, gets bytes and the end, and closes', () => {
    const network = new SimNetwork({ moves: false });
    return withPort({ driver: network }, async (dequeuer, port) => {
      const listener = listenOn(port);
      const endpoint = network.connect(listener.localAddress());
      assert.equal(endpoint.state, 'connected');
      const server = (await dequeuer.next('accept')).accepted as OverlappedSocket;
      port.associate(server);
      assert.deepEqual(server.remoteAddress(), endpoint.localAddress);
      assert.equal(endpoint.write(Buffer.from('question')), 8);
      endpoint.end();
      assert.throws(() => endpoint.write(Buffer.from('more')), { code: 'EPIPE' });
      port.postReceive(server);
      assert.equal((await dequeuer.receiveAll(server)).data.toString(), 'question');
      sendAndEnd(port, server, Buffer.from('answer'));
      await dequeuer.next('shutdown');
      assert.deepEqual([endpoint.read(2).toString(), endpoint.read().toString(), endpoint.ended], ['an', 'swer', true]);
      endpoint.close();
      assert.equal(endpoint.state, 'closed');
    });
  });

  bounded('a port connects to a listener; connections that were not accepted when it closes are reset', () => {
    const network = new SimNetwork();
    return withPort({ driver: network }, async (dequeuer, port) => {
      const listener = network.listen(address, 0);
      assert.throws(() => network.listen(address), { code: 'EADDRINUSE' });
      const [first, second] = [0, 1].map(() => {
        const socket = port.createSocket('ipv4');
        port.associate(socket);
        port.postConnect(socket, address);
        return socket;
      }) as [OverlappedSocket, OverlappedSocket];
      await dequeuer.next('connect', first);
      assert.equal(dequeuer.take(100), 0, 'the second waits for room');
      const accepted = listener.accept();
      await dequeuer.next('connect', second);
      listener.close();
      port.postReceive(second);
      assert.equal((await dequeuer.next('receive', second)).code, 'ECONNRESET');
      accepted?.close();
      port.postReceive(first);
      assert.deepEqual((await dequeuer.next('receive', first)).bytes, 0);
      assert.equal(network.connect(address).code, 'ECONNREFUSED');
    });
  });

  bounded('a reset discards unread bytes, and a close with unread bytes is a reset', () => {
    const network = new SimNetwork();
    return withPort({ driver: network }, async (dequeuer, port) => {
      const listener = network.listen(address);
      const connected = async (): Promise<OverlappedSocket> => {
        const socket = port.createSocket('ipv4');
        port.associate(socket);
        port.postConnect(socket, address);
        await dequeuer.next('connect', socket);
        return socket;
      };
      const reset = await connected();
      const resetting = listener.accept();
      resetting?.write(Buffer.from('lost'));
      resetting?.close({ reset: true });
      port.postReceive(reset);
      assert.deepEqual((await dequeuer.next('receive', reset)).code, 'ECONNRESET');
      port.postSend(reset, Buffer.from('x'));
      assert.equal((await dequeuer.next('send', reset)).code, 'EPIPE');
      const unread = await connected();
      port.postSend(unread, Buffer.from('unread'));
      await dequeuer.next('send', unread);
      listener.accept()?.close();
      port.postReceive(unread);
      assert.deepEqual((await dequeuer.next('receive', unread)).code, 'ECONNRESET');
      const late = await connected();
      listener.accept()?.close();
      port.postSend(late, Buffer.from('nobody reads it'));
      await dequeuer.next('send', late);
      port.postReceive(late);
      assert.equal((await dequeuer.next('receive', late)).bytes, 0, 'the end came before the reset');
      port.postSend(late, Buffer.from('x'));
      assert.equal((await dequeuer.next('send', late)).code, 'EPIPE');
      listener.close();
    });
  });

  bounded('a started port and endpoints share one event loop', async () => {
    const network = new SimNetwork({ faults: { deliveryDelayMs: [10, 2000] } });
    const visits = new Visits(network, 1);
    const endpoint = network.connect({ ...address, port: visits.echo.number });
    let back = '';
    let asked = false;
    endpoint.onChange = () => {
      if (endpoint.state === 'connected' && !asked) {
        asked = true;
        endpoint.write(Buffer.from('ping'));
        endpoint.end();
      }
      back += endpoint.read().toString();
      if (endpoint.ended) {
        endpoint.close();
      }
    };
    await eventually(() => endpoint.state === 'closed', 'the end of the echo');
    assert.equal(back, 'ping');
    visits.close();
  });
});

describe('Unix paths', () => {
  bounded('are names inside the network: nothing is created or removed on disk', () => {
    const network = new SimNetwork();
    return withPort({ driver: network }, async (dequeuer, port) => {
      // A file that is there for sure.
      const path = programPath('waking-worker');
      const listener = listenOn(port, { family: 'unix', path });
      assert.equal(network.hasPath(path), true);
      port.closeSocket(listener);
      await dequeuer.next('accept');
      assert.equal(network.hasPath(path), false);
      assert.equal(existsSync(path), true);
    });
  });
});

describe('ports of one network', () => {
  bounded('reach each other, and none of another network', async () => {
    const network = new SimNetwork();
    await withPort({ driver: network }, async (dequeuer, port) => {
      const listener = listenOn(port);
      for (const [other, code] of [
        [network, undefined],
        [new SimNetwork(), 'ECONNREFUSED'],
      ] as const) {
        const client = new Dequeuer(CompletionPort.create({ driver: other }));
        const socket = client.port.createSocket('ipv4');
        client.port.associate(socket);
        client.port.postConnect(socket, listener.localAddress());
        assert.equal((await client.next('connect')).code, code);
        client.port.close();
      }
      await dequeuer.next('accept');
      assert.equal(network.socketsOpen, 2);
    });
    assert.equal(network.socketsOpen, 0);
  });
});
