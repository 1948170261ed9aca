/** `overlapped/net` does on each version of Node what `node:net` does there, and publishes the same on its channels. */

import assert from 'node:assert/strict';
import { channel, tracingChannel } from 'node:diagnostics_channel';
import dns from 'node:dns';
import { once } from 'node:events';
import nodeNet from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mock } from 'node:test';
import net, { BlockList, connect, connectionOf, createServer, Socket } from 'overlapped/net';
import type { OverlappedSocket } from 'overlapped/port';
import { alone, listening, portOf } from './pair.js';

const isNode22 = Number.parseInt(process.versions.node, 10) >= 22;

/** Methods of later versions of Node. */
interface LaterSocket extends Omit<nodeNet.Socket, 'setKeepAlive'> {
  setTypeOfService(tos: number): this;
  getTypeOfService(): number;
  setKeepAlive(enable?: boolean | object, initialDelay?: number, interval?: number, count?: number): this;
}

type Lookup = (host: string, options: object, callback: (...args: unknown[]) => void) => void;

/** Calls `run` while `dns.lookup` answers with some addresses. */
async function withAddresses(addresses: readonly string[], run: () => Promise<void>): Promise<void> {
  const answer = addresses.map((address) => ({ address, family: net.isIP(address) }));
  const lookup: Lookup = (_host, _options, callback) => callback(null, answer);
  const { mock: mocked } = mock.method(dns, 'lookup', lookup as unknown as typeof dns.lookup);
  try {
    await run();
  } finally {
    mocked.restore();
  }
}

export function versions(): void {
  alone('a socket that was never connected ends, since Node 22', async () => {
    const socket = new Socket();
    let ended = false;
    socket.end(() => {
      ended = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(ended, isNode22);
    socket.destroy();
  });

  alone('a host must be text without null bytes, since Node 22', async () => {
    const hosts = [['127.0.0.1'], '127.0.0.1\0'];
    for (const host of isNode22 ? hosts : []) {
      const codes = typeof host === 'string' ? 'ERR_INVALID_ARG_VALUE' : 'ERR_INVALID_ARG_TYPE';
      assert.throws(() => connect({ host: host as string, port: 1 }), { code: codes });
    }
  });

  alone('maxConnections of 0 refuses all connections, since Node 22', async () => {
    const server = createServer((socket) => socket.end('hello'));
    server.maxConnections = 0;
    await listening(server);
    const event = once(server, isNode22 ? 'drop' : 'connection');
    const client = connect(portOf(server), '127.0.0.1').resume();
    client.on('error', () => undefined);
    await Promise.all([event, once(client, 'close')]);
    server.close();
    await once(server, 'close');
  });

  alone('a server listens at the first address of its host that is valid everywhere, since Node 22', async () => {
    if (!isNode22) {
      return;
    }
    await withAddresses(['fe80::1', 'febf::1', '127.0.0.1'], async () => {
      const server = createServer().listen(0, 'host.test');
      await once(server, 'listening');
      assert.equal((server.address() as nodeNet.AddressInfo).address, '127.0.0.1');
      server.close();
      await once(server, 'close');
    });
  });

  alone('the probes of a connection and its type of service can be set, where Node has that', async () => {
    const server = await listening(createServer());
    const client = connect(portOf(server), '127.0.0.1') as LaterSocket;
    const hasService = 'setTypeOfService' in nodeNet.Socket.prototype;
    assert.equal('setTypeOfService' in client, hasService);
    if (hasService) {
      assert.equal(client.setTypeOfService(0x10), client);
      assert.equal(client.getTypeOfService(), 0x10);
      for (const wrong of [Number.NaN, '16', 1.5, -1, 256]) {
        assert.throws(() => client.setTypeOfService(wrong as number), {
          code: /^ERR_(INVALID_ARG_TYPE|OUT_OF_RANGE)$/,
        });
      }
    }
    client.setKeepAlive(true, 60_000, 5000, 7);
    const [[accepted]] = await Promise.all([once(server, 'connection'), once(client, 'connect')]);
    const read = (option: Parameters<OverlappedSocket['getOption']>[0]): number | undefined =>
      connectionOf(client)?.socket.getOption(option);
    const hasProbes = nodeNet.Socket.prototype.setKeepAlive.length > 2;
    const probes = (): unknown[] => [
      read('keepAliveInitialDelayMs'),
      read('keepAliveIntervalMs'),
      read('keepAliveProbes'),
    ];
    assert.deepEqual(probes(), hasProbes ? [60_000, 5000, 7] : [60_000, 1000, 10]);
    if (hasProbes) {
      client.setKeepAlive({ enable: true, initialDelay: 30_000, count: 3 });
      assert.deepEqual(probes(), [30_000, 1000, 3]);
    }
    if (hasService) {
      assert.equal(read('typeOfService'), 0x10);
      client.setTypeOfService(0x08);
      assert.equal(client.getTypeOfService(), 0x08);
    }
    client.destroy();
    accepted.destroy();
    server.close();
    await once(server, 'close');
  });

  alone('a block list refuses addresses of a client', async () => {
    const blockList = new BlockList();
    blockList.addAddress('127.0.0.1');
    const events: string[] = [];
    const log = (socket: Socket): Socket => {
      for (const event of ['connectionAttempt', 'connectionAttemptFailed']) {
        socket.on(event, (address) => events.push(`${event} ${address}`));
      }
      return socket;
    };
    const options = { port: 1, blockList } as nodeNet.NetConnectOpts;
    await assert.rejects(once(log(connect({ ...options, host: '127.0.0.1' })), 'connect'), { code: 'ERR_IP_BLOCKED' });
    assert.deepEqual(events.splice(0), ['connectionAttempt 127.0.0.1']);
    const addresses = ['127.0.0.1', '127.0.0.2'].map((address) => ({ address, family: 4 }));
    const lookup: Lookup = (_host, _options, callback) => setImmediate(callback, null, addresses);
    const client = log(
      connect({ ...options, host: 'host.test', autoSelectFamily: true, lookup } as nodeNet.NetConnectOpts),
    );
    await assert.rejects(once(client, 'connect'), { code: 'ERR_IP_BLOCKED' });
    const tried = ['connectionAttempt 127.0.0.2', 'connectionAttemptFailed 127.0.0.2'];
    assert.deepEqual(events, ['connectionAttemptFailed 127.0.0.1', ...tried]);
    assert.deepEqual(client.autoSelectFamilyAttemptedAddresses, ['127.0.0.2:1']);
  });

  alone('the path of a server is free again at once, and a path that is too long is invalid', async () => {
    const path = join(tmpdir(), `overlapped-${process.pid}-again.sock`);
    const first = createServer().listen(path);
    await once(first, 'listening');
    const closed = once(first, 'close');
    first.close();
    const second = createServer((socket) => socket.end('second')).listen(path);
    await Promise.all([once(second, 'listening'), closed]);
    const client = connect(path);
    const attempts: unknown[] = [];
    client.on('connectionAttempt', (...args) => attempts.push(args));
    await once(client, 'data');
    assert.deepEqual(attempts, []);
    second.close();
    await once(second, 'close');
    const long = `/${'x'.repeat(1000)}`;
    await assert.rejects(once(createServer().listen(long), 'listening'), { code: 'EINVAL', syscall: 'listen' });
    await assert.rejects(once(connect(long), 'connect'), { code: 'EINVAL', syscall: 'connect', address: long });
  });

  alone('listening is published on the channels of Node', async () => {
    const messages: string[] = [];
    const subscribers = {
      start: () => undefined,
      end: () => undefined,
      asyncStart: (message: object) => messages.push(`asyncStart ${Object.keys(message)}`),
      asyncEnd: () => messages.push('asyncEnd'),
      error: (message: object) => messages.push(`error ${(message as { error: NodeJS.ErrnoException }).error.code}`),
    };
    const listens = tracingChannel<string, object>('net.server.listen');
    listens.subscribe(subscribers);
    const server = await listening(createServer());
    const refused = createServer().listen(portOf(server), '127.0.0.1');
    await assert.rejects(once(refused, 'listening'), { code: 'EADDRINUSE' });
    listens.unsubscribe(subscribers);
    const start = 'asyncStart server,options';
    assert.deepEqual(messages, [start, 'asyncEnd', start, 'error EADDRINUSE']);
    server.close();
    await once(server, 'close');
  });

  alone('each socket that connects is published once', async () => {
    const sockets: unknown[] = [];
    const seen = (message: unknown): void => {
      sockets.push((message as { socket: unknown }).socket);
    };
    const clients = channel('net.client.socket');
    clients.subscribe(seen);
    const server = await listening(createServer((socket) => socket.end()));
    const first = connect(portOf(server), '127.0.0.1').resume();
    const second = new Socket().connect(portOf(server), '127.0.0.1').resume();
    await Promise.all([once(first, 'close'), once(second, 'close')]);
    clients.unsubscribe(seen);
    assert.deepEqual(sockets, isNode22 ? [first, second] : [first]);
    server.close();
    await once(server, 'close');
  });
}
