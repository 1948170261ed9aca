/** Connects that fail, each in its own way, and those that wait to be accepted. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OperationError, OverlappedSocket, SocketAddress } from 'overlapped/port';
import { type Dequeuer, LOOPBACK, portOf, type Seen, withPort } from '../support/harness.js';
import { createPort } from '../support/leftovers.js';
import { bounded, given, type Subject } from './subject.js';

/** How connecting to `address` ends. */
async function connectTo(
  dequeuer: Dequeuer,
  address: SocketAddress,
  prepare?: (socket: OverlappedSocket) => void,
): Promise<Seen> {
  const { port } = dequeuer;
  const socket = port.createSocket(address.family);
  prepare?.(socket);
  port.associate(socket);
  port.postConnect(socket, address, 'context');
  const seen = await dequeuer.next('connect', socket);
  if (seen.code !== undefined) {
    assert.throws(() => port.postReceive(socket), { code: 'ENOTCONN' });
  }
  port.closeSocket(socket);
  return seen;
}

/** A listener that accepts nothing and whose backlog is full. */
async function fullListener(dequeuer: Dequeuer, address: SocketAddress, fill: number): Promise<OverlappedSocket> {
  const { port } = dequeuer;
  const listener = port.createSocket(address.family);
  listener.bind(address);
  listener.listen(0);
  for (let index = 0; index < fill; index++) {
    const filler = port.createSocket(address.family);
    port.associate(filler);
    port.postConnect(filler, listener.localAddress());
    await dequeuer.next('connect', filler);
  }
  return listener;
}

/** Connections that wait while nothing accepts. */
const WAITING = 8;

function backlogs(subject: Subject): void {
  for (const backlog of [Infinity, 2 ** 53, 2 ** 32, 2 ** 31, 64.9]) {
    bounded(`with a backlog of ${backlog}, connections wait to be accepted`, () =>
      withPort(subject.options, async (dequeuer, port) => {
        const listener = port.createSocket('ipv4');
        listener.bind(LOOPBACK);
        listener.listen(backlog);
        const sockets = Array.from({ length: WAITING }, () => port.createSocket('ipv4'));
        for (const socket of sockets) {
          port.associate(socket);
          port.postConnect(socket, listener.localAddress());
        }
        for (const socket of sockets) {
          assert.equal((await dequeuer.next('connect', socket, 5000)).code, undefined);
        }
      }),
    );
  }

  bounded('an invalid backlog is rejected, and the socket is unchanged', () =>
    withPort(subject.options, (_dequeuer, port) => {
      const listener = port.createSocket('ipv4');
      listener.bind(LOOPBACK);
      for (const backlog of [Number.NaN, -1, -Infinity, '5' as never, null as never]) {
        assert.throws(() => listener.listen(backlog), WRONG_NUMBER, String(backlog));
      }
      listener.listen(0);
      assert.equal(listener.state, 'listening');
    }),
  );
}

/** A number out of range, or no number. */
const WRONG_NUMBER = { code: /^ERR_(?:OUT_OF_RANGE|INVALID_ARG_TYPE)$/ };

export function connecting(subject: Subject): void {
  backlogs(subject);
  const withUnixSockets = given(subject, 'unixSockets');

  bounded("a refused connect is ECONNREFUSED, with the address and Node's errno", () =>
    withPort(subject.options, async (dequeuer, port) => {
      const bound = port.createSocket('ipv4');
      bound.bind(LOOPBACK);
      const number = portOf(bound);
      const seen = await connectTo(dequeuer, { family: 'ipv4', address: '127.0.0.1', port: number });
      const error = seen.error as OperationError;
      assert.deepEqual([seen.code, seen.more, seen.context], ['ECONNREFUSED', false, 'context']);
      assert.deepEqual(
        [error.code, error.address, error.port, error.syscall, error.errno],
        ['ECONNREFUSED', '127.0.0.1', number, 'connect', await subject.peers.errnoOfRefusal(number)],
      );
      assert.match(error.message, new RegExp(`127\\.0\\.0\\.1:${number}`));
    }),
  );

  bounded('changing an address object after the post has no effect', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const listener = port.createSocket('ipv4');
      listener.bind(LOOPBACK);
      listener.listen();
      const socket = port.createSocket('ipv4');
      port.associate(socket);
      const address = { family: 'ipv4' as const, address: '127.0.0.1', port: portOf(listener) };
      port.postConnect(socket, address);
      Object.assign(address, { family: 'ipv6', address: 'x', port: -1 });
      assert.equal((await dequeuer.next('connect', socket)).code, undefined);
    }),
  );

  bounded('a connect to an unreachable network is ENETUNREACH at once', () =>
    withPort(subject.options, async (dequeuer) => {
      const start = performance.now();
      const seen = await connectTo(dequeuer, { family: 'ipv4', address: '255.255.255.255', port: 9 });
      assert.equal(seen.code, 'ENETUNREACH');
      assert.ok(performance.now() - start < 10_000);
    }),
  );

  given(subject, 'userTimeout')('timed out: ETIMEDOUT within about userTimeoutMs', () =>
    withPort(subject.options, async (dequeuer) => {
      const listener = await fullListener(dequeuer, LOOPBACK, 1);
      const start = performance.now();
      const seen = await connectTo(dequeuer, listener.localAddress(), (socket) =>
        socket.setOption('userTimeoutMs', 300),
      );
      assert.equal(seen.code, 'ETIMEDOUT');
      assert.ok(performance.now() - start < 15_000);
    }),
  );

  given(subject, 'systemBacklog')('a connect in flight can be cancelled, and its socket can be closed', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const listener = await fullListener(dequeuer, LOOPBACK, 1);
      for (const how of ['cancel', 'close'] as const) {
        const socket = port.createSocket('ipv4');
        port.associate(socket);
        port.postConnect(socket, listener.localAddress());
        dequeuer.take(10);
        if (how === 'cancel') {
          port.cancel(socket, 'connect');
        } else {
          port.closeSocket(socket);
        }
        assert.equal((await dequeuer.next('connect', socket)).code, 'ECANCELED');
        port.closeSocket(socket);
      }
    }),
  );

  withUnixSockets('a connect to a missing path is ENOENT, and to a path without a listener ECONNREFUSED', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'overlapped-'));
    try {
      await withPort(subject.options, async (dequeuer, port) => {
        const missing = await connectTo(dequeuer, { family: 'unix', path: join(directory, 'missing') });
        assert.equal(missing.code, 'ENOENT');
        assert.equal((missing.error as OperationError).address, join(directory, 'missing'));
        const bound = port.createSocket('unix');
        bound.bind({ family: 'unix', path: join(directory, 'bound') });
        assert.equal(
          (await connectTo(dequeuer, { family: 'unix', path: join(directory, 'bound') })).code,
          'ECONNREFUSED',
        );
      });
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  const waitsOrFails = subject.capabilities.unixConnectWaits ? 'waits for room' : 'fails with EAGAIN and does not spin';
  const withFullBacklog = subject.capabilities.unixSockets === true ? given(subject, 'systemBacklog') : withUnixSockets;
  withFullBacklog(`a connect to a Unix listener with a full backlog ${waitsOrFails}`, () =>
    withPort(subject.options, async (dequeuer, port) => {
      const listener = await fullListener(
        dequeuer,
        { family: 'unix', path: `\0overlapped-${process.pid}-${Math.random()}` },
        1,
      );
      const socket = port.createSocket('unix');
      port.associate(socket);
      port.postConnect(socket, listener.localAddress());
      dequeuer.take(50);
      dequeuer.take(50);
      if (subject.capabilities.unixConnectWaits) {
        assert.equal(dequeuer.all.at(-1)?.socket === socket, false);
        port.associate(listener);
        port.postAccept(listener);
        assert.equal((await dequeuer.next('connect', socket)).code, undefined);
      } else {
        assert.equal((await dequeuer.next('connect', socket)).code, 'EAGAIN');
      }
    }),
  );

  const BAD: readonly [string, SocketAddress, string][] = [
    ['a host name', { family: 'ipv4', address: 'localhost', port: 80 }, 'EINVAL'],
    ['an empty address', { family: 'ipv4', address: '', port: 80 }, 'EINVAL'],
    ['IPv6 for IPv4', { family: 'ipv4', address: '::1', port: 80 }, 'EINVAL'],
    ['IPv4 for IPv6', { family: 'ipv6', address: '127.0.0.1', port: 80 }, 'EINVAL'],
    ['an unknown zone', { family: 'ipv6', address: 'fe80::1%nosuchif0', port: 80 }, 'EINVAL'],
    ['an interface number beyond 32 bits', { family: 'ipv6', address: 'fe80::1%4294967297', port: 80 }, 'EINVAL'],
    ['interface 0', { family: 'ipv6', address: 'fe80::1%0', port: 80 }, 'EINVAL'],
    ['an empty zone', { family: 'ipv6', address: 'fe80::1%', port: 80 }, 'EINVAL'],
    ['a zone with a NUL', { family: 'ipv6', address: 'fe80::1%lo\0', port: 80 }, 'EINVAL'],
    ['two zones', { family: 'ipv6', address: 'fe80::1%lo%lo', port: 80 }, 'EINVAL'],
    ['a zone named like a method', { family: 'ipv6', address: 'fe80::1%constructor', port: 80 }, 'EINVAL'],
    ['a zone of IPv4', { family: 'ipv4', address: '127.0.0.1%lo', port: 80 }, 'EINVAL'],
    ['an address that is no text', { family: 'ipv4', address: 5 as never, port: 80 }, 'EINVAL'],
    ['a path that is no text', { family: 'unix', path: null as never }, 'EINVAL'],
    ['a port above 65535', { family: 'ipv4', address: '127.0.0.1', port: 65536 }, 'EINVAL'],
    ['a negative port', { family: 'ipv4', address: '127.0.0.1', port: -1 }, 'EINVAL'],
    ['half a port', { family: 'ipv4', address: '127.0.0.1', port: 0.5 }, 'EINVAL'],
    ['no port', { family: 'ipv4', address: '127.0.0.1', port: Number.NaN }, 'EINVAL'],
    ['a path that is too long', { family: 'unix', path: `/${'p'.repeat(108)}` }, 'ENAMETOOLONG'],
    ['an empty path', { family: 'unix', path: '' }, 'EINVAL'],
    ['a path with a NUL', { family: 'unix', path: '/a\0b' }, 'EINVAL'],
  ];
  for (const [what, address, code] of BAD) {
    const define = address.family === 'unix' ? withUnixSockets : bounded;
    define(`bind and postConnect reject ${what} with ${code}, and the port still works`, () =>
      withPort(subject.options, async (dequeuer, port) => {
        const socket = port.createSocket(address.family);
        assert.throws(() => socket.bind(address), { code });
        port.associate(socket);
        assert.throws(() => port.postConnect(socket, address), { code });
        assert.equal(port.statistics().operationsInFlight, 0);
        dequeuer.take();
        if (address.family === 'ipv4') {
          const listener = port.createSocket('ipv4');
          listener.bind(LOOPBACK);
          listener.listen();
          port.postConnect(socket, listener.localAddress());
          assert.equal((await dequeuer.next('connect', socket)).code, undefined);
        }
      }),
    );
  }

  bounded('binding an address in use is EADDRINUSE, with the address', () =>
    withPort(subject.options, (_dequeuer, port) => {
      const first = port.createSocket('ipv4');
      first.bind(LOOPBACK);
      first.listen();
      const taken = { family: 'ipv4', address: '127.0.0.1', port: portOf(first) } as const;
      const other = createPort(subject.options);
      try {
        const second = other.createSocket('ipv4');
        assert.throws(
          () => {
            second.bind(taken);
            second.listen();
          },
          { code: 'EADDRINUSE', address: '127.0.0.1', port: taken.port },
        );
      } finally {
        other.close();
      }
    }),
  );

  bounded("binding another machine's address is EADDRNOTAVAIL", () =>
    withPort(subject.options, (_dequeuer, port) => {
      const socket = port.createSocket('ipv4');
      assert.throws(() => socket.bind({ family: 'ipv4', address: '192.0.2.1', port: 0 }), { code: 'EADDRNOTAVAIL' });
    }),
  );
}
