/** Families of addresses: IPv4, IPv6, both at once, Unix paths and abstract names, shared ports. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatAddress, type OverlappedSocket, type SocketAddress } from 'overlapped/port';
import { connectPair, type Dequeuer, LOOPBACK, listenOn, portOf, withPort } from '../support/harness.js';
import { lackOf } from '../support/system.js';
import { bounded, given, type Subject } from './subject.js';

function hostOf(address: SocketAddress | undefined): string | undefined {
  return address === undefined || address.family === 'unix' ? undefined : address.address;
}

/** A message each way between two sockets of `address`'s family. */
async function roundTrip(dequeuer: Dequeuer, address: SocketAddress): Promise<OverlappedSocket> {
  const { port } = dequeuer;
  const { client, server, listener } = await connectPair(dequeuer, undefined, address);
  port.postReceive(server, { once: true });
  port.postSend(client, Buffer.from('there'));
  assert.equal((await dequeuer.next('receive', server)).data?.toString(), 'there');
  port.postReceive(client, { once: true });
  port.postSend(server, Buffer.from('back'));
  assert.equal((await dequeuer.next('receive', client)).data?.toString(), 'back');
  port.postReceive(server);
  port.closeSocket(client);
  assert.deepEqual((await dequeuer.next('receive', server)).bytes, 0);
  return listener;
}

export function addresses(subject: Subject): void {
  const withIpv6 = given(subject, 'ipv6');
  const withUnixSockets = given(subject, 'unixSockets');
  const withReusePort = given(subject, 'reusePort');
  const withUserTimeout = given(subject, 'userTimeout');

  bounded('IPv4', () =>
    withPort(subject.options, async (dequeuer) => {
      const listener = await roundTrip(dequeuer, { family: 'ipv4', address: '127.0.0.1', port: 0 });
      const address = listener.localAddress();
      assert.match(formatAddress(address), /^127\.0\.0\.1:\d+$/);
      assert.equal(`${address}`, formatAddress(address), 'in a template literal');
      assert.deepEqual(Object.keys(address).sort(), ['address', 'family', 'port']);
    }),
  );

  withIpv6('an IPv6 socket rejects IPv4 clients', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const listener = await roundTrip(dequeuer, { family: 'ipv6', address: '::1', port: 0 });
      assert.match(formatAddress(listener.localAddress()), /^\[::1\]:\d+$/);
      const any = listenOn(port, { family: 'ipv6', address: '::', port: 0 });
      await assert.rejects(subject.peers.connect(portOf(any), '127.0.0.1'), { code: 'ECONNREFUSED' });
    }),
  );

  withIpv6('a dual-stack listener accepts IPv4 clients, with mapped addresses', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const listener = port.createSocket('ipv6', { dualStack: true });
      listener.bind({ family: 'ipv6', address: '::', port: 0 });
      listener.listen();
      port.associate(listener);
      for (const host of ['127.0.0.1', '::1']) {
        if (listener.readSlot < 0) {
          port.postAccept(listener);
        }
        const client = await subject.peers.connect(portOf(listener), host);
        const { accepted } = await dequeuer.next('accept');
        const peer = accepted?.remoteAddress();
        assert.deepEqual(peer, {
          family: 'ipv6',
          address: host === '::1' ? '::1' : '::ffff:127.0.0.1',
          port: client.socket.localPort,
        });
        client.socket.destroy();
      }
    }),
  );

  for (const address of ['::ffff:127.0.0.1', '::FFFF:7f00:1', '0:0:0:0:0:ffff:127.0.0.1']) {
    withIpv6(`an IPv6 socket that connects to ${address} reaches an IPv4 listener`, () =>
      withPort(subject.options, async (dequeuer, port) => {
        const listener = listenOn(port);
        const client = port.createSocket('ipv6');
        port.associate(client);
        port.postConnect(client, { family: 'ipv6', address, port: portOf(listener) });
        assert.equal((await dequeuer.next('connect', client)).code, undefined);
        const { accepted } = await dequeuer.next('accept');
        assert.equal(hostOf(accepted?.remoteAddress()), '127.0.0.1');
        assert.deepEqual(client.remoteAddress(), {
          family: 'ipv6',
          address: '::ffff:127.0.0.1',
          port: portOf(listener),
        });
        assert.equal(hostOf(client.localAddress()), '::ffff:127.0.0.1');
      }),
    );
  }

  withIpv6('a dual-stack listener at a mapped address accepts IPv4 clients', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const listener = port.createSocket('ipv6', { dualStack: true });
      listener.bind({ family: 'ipv6', address: '::ffff:127.0.0.1', port: 0 });
      listener.listen();
      port.associate(listener);
      port.postAccept(listener);
      assert.match(formatAddress(listener.localAddress()), /^\[::ffff:127\.0\.0\.1\]:\d+$/);
      const client = await subject.peers.connect(portOf(listener), '127.0.0.1');
      const { accepted } = await dequeuer.next('accept');
      assert.equal(hostOf(accepted?.remoteAddress()), '::ffff:127.0.0.1');
      client.socket.destroy();
    }),
  );

  withUnixSockets('a Unix path is removed when its listener closes', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'overlapped-'));
    const path = join(directory, 'socket');
    try {
      await withPort(subject.options, async (dequeuer, port) => {
        const listener = await roundTrip(dequeuer, { family: 'unix', path });
        assert.deepEqual(listener.localAddress(), { family: 'unix', path });
        assert.equal(subject.peers.hasPath(path), true);
        const second = port.createSocket('unix');
        assert.throws(() => second.bind({ family: 'unix', path }), { code: 'EADDRINUSE', address: path });
        port.closeSocket(second);
        assert.equal(subject.peers.hasPath(path), true, 'who failed to bind a path does not remove it');
        const client = await subject.peers.connect(path);
        port.closeSocket(listener);
        await assert.rejects(subject.peers.connect(path), 'nobody listens at once');
        await dequeuer.until(() => !subject.peers.hasPath(path), 'the path is removed');
        client.socket.destroy();
      });
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  withUnixSockets('a Unix path is removed when its port closes', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'overlapped-'));
    try {
      await withPort(subject.options, (_dequeuer, port) => {
        listenOn(port, { family: 'unix', path: join(directory, 'socket') });
      });
      assert.equal(subject.peers.hasPath(join(directory, 'socket')), false);
      const longest = join(directory, 's'.repeat(107 - directory.length - 1));
      assert.equal(longest.length, 107);
      await withPort(subject.options, async (dequeuer) => {
        await roundTrip(dequeuer, { family: 'unix', path: longest });
      });
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  withUnixSockets('an abstract Unix name can be listened at', () =>
    withPort(subject.options, async (dequeuer) => {
      const path = `\0overlapped-test-${process.pid}-${subject.driver}`;
      const listener = await roundTrip(dequeuer, { family: 'unix', path });
      assert.deepEqual(listener.localAddress(), { family: 'unix', path });
      assert.equal(formatAddress(listener.localAddress()), `@${path.slice(1)}`);
    }),
  );

  withReusePort('reusePort: two listeners at one port share the connections', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const first = port.createSocket('ipv4');
      first.bind({ family: 'ipv4', address: '127.0.0.1', port: 0 }, { reusePort: true });
      const address = first.localAddress();
      const second = port.createSocket('ipv4');
      second.bind(address, { reusePort: true });
      for (const listener of [first, second]) {
        listener.listen();
        port.associate(listener);
        port.postAccept(listener);
      }
      dequeuer.hook = (completion) => {
        if (completion.kind === 'accept' && !completion.more) {
          port.postAccept(completion.socket as OverlappedSocket);
        }
      };
      const clients = await Promise.all(Array.from({ length: 40 }, () => subject.peers.connect(portOf(first))));
      await dequeuer.until(() => dequeuer.all.filter((seen) => seen.kind === 'accept').length === 40, '40 accepts');
      for (const listener of [first, second]) {
        assert.ok(
          dequeuer.all.some((seen) => seen.socket === listener),
          'each listener has some',
        );
      }
      clients.forEach((client) => client.socket.destroy());
    }),
  );

  bounded('socket options can be read back, and accepted sockets inherit those of their listener', () =>
    withPort(subject.options, async (dequeuer) => {
      const { client, server } = await connectPair(dequeuer, (socket) => {
        socket.setOption('noDelay', 1);
        socket.setOption('keepAlive', 1);
        socket.setOption('receiveBufferBytes', 8192);
      });
      for (const socket of [client, server]) {
        assert.equal(socket.getOption('noDelay'), 1);
        assert.equal(socket.getOption('keepAlive'), 1);
        assert.equal(socket.getOption('receiveBufferBytes'), 8192 * subject.peers.bufferFactor);
      }
    }),
  );

  bounded('the probes of a silent peer and the type of service can be set, where the system has them', () =>
    withPort(subject.options, async (dequeuer) => {
      const { client } = await connectPair(dequeuer);
      const set = (): void => {
        client.setOption('keepAliveInitialDelayMs', 42_000);
        client.setOption('keepAliveIntervalMs', 5999);
        client.setOption('keepAliveProbes', 7);
        client.setOption('typeOfService', 0x10);
      };
      if (lackOf('keepAliveDelayRead', subject.capabilities) === false) {
        set();
        assert.equal(client.getOption('keepAliveIntervalMs'), 5000);
        assert.equal(client.getOption('keepAliveProbes'), 7);
        assert.equal(client.getOption('typeOfService'), 0x10);
      }
    }),
  );

  bounded('keepAliveInitialDelayMs is in whole seconds, and accepted sockets inherit it', () =>
    withPort(subject.options, async (dequeuer) => {
      const { client, server } = await connectPair(dequeuer, (socket) => {
        socket.setOption('keepAlive', 1);
        socket.setOption('keepAliveInitialDelayMs', 42_999);
      });
      for (const socket of [client, server]) {
        assert.equal(socket.getOption('keepAlive'), 1);
        if (lackOf('keepAliveDelayRead', subject.capabilities) === false) {
          assert.equal(socket.getOption('keepAliveInitialDelayMs'), 42_000);
        }
        if (subject.peers.keepAliveOf !== undefined) {
          assert.deepEqual(subject.peers.keepAliveOf(socket), { delayS: 42, intervalS: 1, probes: 10 });
        }
      }
      client.setOption('keepAlive', 0);
      assert.equal(client.getOption('keepAlive'), 0);
    }),
  );

  withUserTimeout('userTimeoutMs can be read back, and accepted sockets inherit it from their listener', () =>
    withPort(subject.options, async (dequeuer) => {
      const { client, server } = await connectPair(dequeuer, (socket) => socket.setOption('userTimeoutMs', 1234));
      assert.equal(client.getOption('userTimeoutMs'), 1234);
      assert.equal(server.getOption('userTimeoutMs'), 1234);
    }),
  );

  if (lackOf('unixSockets', subject.capabilities) !== false) {
    bounded('opening a Unix socket fails with EAFNOSUPPORT, and the message names the alternative', () =>
      withPort(subject.options, (_dequeuer, port) => {
        assert.throws(() => port.createSocket('unix'), {
          code: 'EAFNOSUPPORT',
          message: /not offered.*use a loopback/,
        });
        assert.equal(port.statistics().sockets, 0);
      }),
    );
  }

  if (lackOf('reusePort', subject.capabilities) !== false) {
    bounded('reusePort fails with ENOTSUP and the address, and the socket can still be bound without it', () =>
      withPort(subject.options, (_dequeuer, port) => {
        const socket = port.createSocket('ipv4');
        assert.throws(() => socket.bind(LOOPBACK, { reusePort: true }), { code: 'ENOTSUP', address: '127.0.0.1' });
        socket.bind(LOOPBACK);
      }),
    );
  }

  if (lackOf('userTimeout', subject.capabilities) !== false) {
    bounded('userTimeoutMs fails with ENOPROTOOPT', () =>
      withPort(subject.options, (_dequeuer, port) => {
        const socket = port.createSocket('ipv4');
        assert.throws(() => socket.setOption('userTimeoutMs', 1234), { code: 'ENOPROTOOPT' });
      }),
    );
  }
}
