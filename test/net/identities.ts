/** The classes and fields of sockets and servers, and the sockets that stay Node's own. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import nodeNet from 'node:net';
import { Duplex } from 'node:stream';
import net, { connect, connectionOf, createServer, netEngine, Server, Socket, statisticsOf } from 'overlapped/net';
import type { SystemDriverName } from 'overlapped/port';
import { alone, bytesOf, listening, portOf, withPair } from './pair.js';

export function identities(driver: SystemDriverName): void {
  alone('it has all that node:net has', async () => {
    assert.deepEqual(Object.keys(net).toSorted(), Object.keys(nodeNet).toSorted());
    assert.equal(net.BlockList, nodeNet.BlockList);
    assert.equal(net.isIP, nodeNet.isIP);
    assert.equal(net.getDefaultAutoSelectFamily, nodeNet.getDefaultAutoSelectFamily);
    assert.equal((net as unknown as { Stream: unknown }).Stream, Socket);
  });

  alone('constructors can be called without new, and subclasses are their own', async () => {
    const socket = (Socket as unknown as () => nodeNet.Socket)();
    assert(socket instanceof Socket);
    assert(socket instanceof nodeNet.Socket);
    assert(socket instanceof Duplex);
    assert.equal((socket as unknown as { _handle: unknown })._handle, null);
    assert.equal(socket.pending, true);
    class Own extends Socket {
      readonly own = true;
    }
    const own = new Own();
    assert(own instanceof Own && own instanceof Socket && own.own);
    assert(!(socket instanceof Own));
    const server = (Server as unknown as () => nodeNet.Server)();
    assert(server instanceof Server);
    assert(server instanceof nodeNet.Server);
    function Derived(this: nodeNet.Server): void {
      (Server as unknown as (this: object) => void).call(this);
    }
    Object.setPrototypeOf(Derived.prototype, Server.prototype);
    const derived = Reflect.construct(Derived, []) as nodeNet.Server;
    await listening(derived);
    derived.close();
    await once(derived, 'close');
  });

  withPair('accepted and connected sockets are instances, without a handle', async ({ client, accepted }) => {
    for (const socket of [client, accepted]) {
      assert(socket instanceof nodeNet.Socket);
      assert.equal((socket as unknown as { _handle: unknown })._handle, null);
      assert.equal(socket.readyState, 'open');
      assert.equal(socket.remoteFamily, 'IPv4');
    }
    assert.equal(client.remotePort, accepted.localPort);
    assert.equal(accepted.remotePort, client.localPort);
  });

  withPair('an accepted socket has the fields and the streams of one of node:net', async ({ accepted }) => {
    const own = await listening(nodeNet.createServer());
    const client = nodeNet.connect(portOf(own), '127.0.0.1');
    const [expected] = await once(own, 'connection');
    const fields = (socket: nodeNet.Socket): Record<PropertyKey, unknown> =>
      socket as unknown as Record<PropertyKey, unknown>;
    const handleParts = /handle|sockname|timeout|buffer|shape|kSetNoDelay|_eventsCount|async_id/i;
    for (const key of Reflect.ownKeys(expected)) {
      assert(key in accepted, String(key));
      const value = fields(expected)[key];
      if ((typeof value !== 'object' || value === null) && !handleParts.test(String(key))) {
        assert.equal(fields(accepted)[key], value, String(key));
      }
    }
    for (const side of ['_readableState', '_writableState']) {
      const [found, wanted] = [accepted, expected].map((socket) => fields(socket)[side] as Record<string, unknown>);
      for (const name of [
        'autoDestroy',
        'emitClose',
        'decodeStrings',
        'highWaterMark',
        'objectMode',
        'defaultEncoding',
      ]) {
        assert.equal(found?.[name], wanted?.[name], `${side}.${name}`);
      }
    }
    assert.equal(accepted.listenerCount('end'), expected.listenerCount('end'));
    client.destroy();
    expected.destroy();
    own.close();
    await once(own, 'close');
  });

  alone('a socket of an http server has nothing that is for handles, and its methods work', async () => {
    const own = createHttpServer((_, response) => response.end('ok'));
    const server = await listening(createServer((socket) => own.emit('connection', socket)));
    const client = connect(portOf(server), '127.0.0.1');
    const [socket] = (await once(server, 'connection')) as [nodeNet.Socket];
    await new Promise(setImmediate);
    assert.equal(socket.on, Socket.prototype.on);
    const seen: string[] = [];
    socket.on('data', (chunk) => seen.push(String(chunk)));
    client.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    assert.match(String(await bytesOf(client)), /^HTTP\/1\.1 200 /);
    assert.match(seen.join(''), /^GET /);
    server.close();
    await once(server, 'close');
  });

  withPair('the engine behind a socket and a server can be reached', async ({ server, client, accepted }) => {
    assert.equal(netEngine().driver, driver);
    accepted.write('hello');
    await once(client, 'data');
    assert.equal(connectionOf(client)?.bytesRead, 5);
    assert.equal(statisticsOf(server)?.connections.open ?? 1, 1);
    client.destroy();
    assert.equal(await connectionOf(client)?.closed, 'destroyed');
  });

  alone('a socket of a descriptor, and what connects to a handle, is Node’s own', async () => {
    const descriptor = openSync('/dev/null', 'r');
    try {
      assert.throws(() => new Socket({ fd: descriptor }), { code: 'ERR_INVALID_FD_TYPE' });
    } finally {
      closeSync(descriptor);
    }
    const first = nodeNet.createServer();
    await listening(first);
    const handle = (first as unknown as { _handle: object })._handle;
    const second = createServer((socket) => {
      assert((socket as unknown as { _handle: unknown })._handle !== null);
      socket.end('from Node’s own');
    });
    second.listen({ _handle: handle } as nodeNet.ListenOptions);
    await once(second, 'listening');
    assert.equal(portOf(second), portOf(first));
    let text = '';
    const client = connect(portOf(second), '127.0.0.1').on('data', (chunk) => {
      text += chunk;
    });
    await once(client, 'close');
    assert.equal(text, 'from Node’s own');
    second.close();
    await once(second, 'close');
  });
}
