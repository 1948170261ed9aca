/** Misuse is an error that names the mistake, and leaves the port unchanged. */

import assert from 'node:assert/strict';
import { CompletionBatch, CompletionPort, type OverlappedSocket } from 'overlapped/port';
import { connectPair, LOOPBACK, listenOn, withPort } from '../support/harness.js';
import { system } from '../support/system.js';
import { bounded, type Subject } from './subject.js';

export function misuse(subject: Subject): void {
  bounded('associating a socket twice, or a closed one, is an error', () =>
    withPort(subject.options, (_dequeuer, port) => {
      const socket = port.createSocket('ipv4');
      port.associate(socket, 1);
      assert.throws(() => port.associate(socket, 2), { code: 'EALREADY' });
      assert.equal(socket.key, 1);
      port.closeSocket(socket);
      assert.throws(() => port.associate(socket), { code: 'EBADF' });
    }),
  );

  bounded('a wrong family and a wrong address are errors', () =>
    withPort(subject.options, (_dequeuer, port) => {
      for (const family of ['ipv5', '', 'constructor', undefined, null, 4, {}]) {
        assert.throws(() => port.createSocket(family as never), { code: 'ERR_INVALID_ARG_VALUE' });
      }
      const socket = port.createSocket('ipv4');
      port.associate(socket);
      const { address, port: number } = LOOPBACK as { address: string; port: number };
      for (const wrong of [undefined, null, 5, 'x', {}, { address, port: number }, { ...LOOPBACK, family: 'ipv5' }]) {
        assert.throws(() => socket.bind(wrong as never), { code: 'EINVAL' });
        assert.throws(() => port.postConnect(socket, wrong as never), { code: 'EINVAL' });
      }
      assert.equal(port.statistics().operationsInFlight, 0);
    }),
  );

  bounded('a second accept or receive in flight is an error', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const { server, listener } = await connectPair(dequeuer);
      if (listener.readSlot < 0) {
        port.postAccept(listener);
      }
      assert.throws(() => port.postAccept(listener), { code: 'EALREADY' });
      port.postReceive(server);
      assert.throws(() => port.postReceive(server), { code: 'EALREADY' });
      assert.equal(port.statistics().operationsInFlight, 2);
    }),
  );

  bounded('posting on a socket that is unassociated, in the wrong state or closed is an error', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const { server } = await connectPair(dequeuer);
      const fresh = port.createSocket('ipv4');
      const address = { family: 'ipv4', address: '127.0.0.1', port: 9 } as const;
      const posts = (socket: OverlappedSocket): readonly (() => void)[] => [
        () => port.postAccept(socket),
        () => port.postConnect(socket, address),
        () => port.postReceive(socket),
        () => port.postSend(socket, Buffer.from('x')),
        () => port.postShutdown(socket),
      ];
      const before = port.statistics().operationsInFlight;
      posts(fresh).forEach((post) => assert.throws(post, { code: 'EINVAL' }));
      port.associate(fresh);
      const codes = ['EINVAL', undefined, 'ENOTCONN', 'ENOTCONN', 'ENOTCONN'];
      posts(fresh).forEach((post, index) => codes[index] === undefined || assert.throws(post, { code: codes[index] }));
      assert.throws(() => port.postConnect(server, address), { code: 'EINVAL' });
      assert.throws(() => port.postAccept(server), { code: 'EINVAL' });
      port.closeSocket(fresh);
      posts(fresh).forEach((post) => assert.throws(post, { code: 'EBADF' }));
      assert.throws(() => fresh.localAddress(), { code: 'EBADF' });
      assert.throws(() => fresh.setOption('noDelay', 1), { code: 'EBADF' });
      assert.throws(() => fresh.bind(LOOPBACK), { code: 'EBADF' });
      assert.throws(() => fresh.listen(), { code: 'EBADF' });
      assert.equal(port.statistics().operationsInFlight, before);
    }),
  );

  bounded('numbers that no system can use are rejected', () =>
    withPort(subject.options, (_dequeuer, port) => {
      const socket = port.createSocket('ipv4');
      const range = (error: Error & { code: string }): boolean =>
        error.code === (error instanceof RangeError ? 'ERR_OUT_OF_RANGE' : 'ERR_INVALID_ARG_TYPE');
      const before = socket.getOption('sendBufferBytes');
      for (const value of [Infinity, Number.NaN, -1, 0, 0.5, 2 ** 31, 2 ** 32 + 5000, '5000', null, undefined]) {
        for (const name of ['sendBufferBytes', 'receiveBufferBytes'] as const) {
          assert.throws(() => socket.setOption(name, value as number), range, `${name}: ${value}`);
        }
      }
      for (const value of [-1, 2, 0.5, Number.NaN, true, '1']) {
        assert.throws(() => socket.setOption('noDelay', value as number), range, `noDelay: ${value}`);
      }
      for (const value of [-1, 0.5, 2 ** 31, Infinity]) {
        assert.throws(() => socket.setOption('userTimeoutMs', value), range, `userTimeoutMs: ${value}`);
      }
      for (const value of [-1, 0, 999, 32_767_001, Number.NaN, Infinity, '5000']) {
        const set = (): void => socket.setOption('keepAliveInitialDelayMs', value as number);
        assert.throws(set, range, `keepAliveInitialDelayMs: ${value}`);
      }
      for (const value of [-1, Number.NaN, '5']) {
        assert.throws(() => port.getQueuedCompletions(new CompletionBatch(), value as number), range, `wait: ${value}`);
        assert.throws(() => new CompletionBatch(value as number), range, `batch: ${value}`);
        assert.throws(() => socket.listen(value as number), range, `backlog: ${value}`);
      }
      assert.throws(() => new CompletionBatch(65_537), range);
      assert.throws(() => new CompletionBatch(1.5), range);
      assert.throws(() => socket.setOption('linger' as 'noDelay', 1), { code: 'ERR_INVALID_ARG_VALUE' });
      assert.throws(() => socket.getOption('linger' as 'noDelay'), { code: 'ERR_INVALID_ARG_VALUE' });
      for (const number of [-1, 65_536, 0.5, Number.NaN, '80']) {
        const address = { family: 'ipv4', address: '127.0.0.1', port: number as number } as const;
        assert.throws(() => socket.bind(address), { code: 'EINVAL' }, `port: ${number}`);
      }
      assert.equal(socket.getOption('sendBufferBytes'), before);
      port.closeSocket(socket);
    }),
  );

  bounded('posting on a socket of another port is an error', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const { server } = await connectPair(dequeuer);
      const other = CompletionPort.create(subject.options);
      try {
        const foreign = other.createSocket('ipv4');
        assert.throws(() => port.associate(foreign), { code: 'EINVAL' });
        assert.throws(() => other.postReceive(server), { code: 'EINVAL' });
        assert.throws(() => other.postSend(server, Buffer.from('x')), { code: 'EINVAL' });
        assert.throws(() => other.closeSocket(server), { code: 'EINVAL' });
        other.associate(foreign);
      } finally {
        other.close();
      }
      port.postReceive(server);
    }),
  );

  bounded('sending something other than bytes is an error, and leaves no operation behind', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const { client, server } = await connectPair(dequeuer);
      const wrong: unknown[] = [
        'text',
        17,
        null,
        undefined,
        {},
        [Buffer.from('a'), 'b'],
        [1],
        new Float64Array(2),
        new ArrayBuffer(8),
      ];
      const before = port.statistics();
      for (const data of wrong) {
        assert.throws(() => port.postSend(client, data as Uint8Array), `${data} is refused`);
      }
      assert.deepEqual(port.statistics(), before);
      port.postSend(client, Buffer.from('good'));
      port.postReceive(server);
      assert.equal((await dequeuer.next('receive')).data?.toString(), 'good');
    }),
  );

  bounded('sending a view of a released receive buffer is an error', () =>
    withPort({ ...subject.options, bufferCount: 4 }, async (dequeuer, port) => {
      const { client, server } = await connectPair(dequeuer);
      let stale: Buffer | undefined;
      dequeuer.hook = (completion) => {
        stale ??= completion.buffer === undefined ? undefined : completion.data;
      };
      port.postReceive(server, { once: true });
      port.postSend(client, Buffer.from('x'));
      await dequeuer.next('receive');
      const before = port.statistics();
      assert.throws(() => port.postSend(server, stale as Buffer));
      assert.throws(() => port.postSend(server, [Buffer.from('y'), stale as Buffer]));
      assert.deepEqual(port.statistics(), before);
    }),
  );

  for (const [name, value] of [
    ['bufferCount', 0],
    ['bufferCount', 32769],
    ['bufferCount', 1.5],
    ['bufferSizeBytes', 63],
    ['bufferSizeBytes', 100],
    ['bufferSizeBytes', 2 ** 21],
    ['operationsMax', 255],
    ['operationsMax', 2 ** 25],
    ['submissionEntries', 7],
    ['submissionEntries', 12],
    ['submissionEntries', Number.NaN],
  ] as const) {
    bounded(`the option ${name} rejects ${value}`, () => {
      assert.throws(() => CompletionPort.create({ ...subject.options, [name]: value }), {
        code: 'ERR_OUT_OF_RANGE',
        message: new RegExp(`${name}.*${value}`),
      });
    });
  }

  bounded('a pool larger than possible memory is rejected', () => {
    // 2^32 bytes and more: code that counts in 32 bits would allocate almost nothing here.
    for (const bufferSizeBytes of [2 ** 17, 2 ** 20]) {
      assert.throws(() => CompletionPort.create({ ...subject.options, bufferCount: 32768, bufferSizeBytes }), {
        code: 'ERR_OUT_OF_RANGE',
      });
    }
  });

  bounded('posting more than operationsMax operations is an error, and the port still works', () =>
    withPort({ ...subject.options, operationsMax: 256 }, async (dequeuer, port) => {
      const { client, server } = await connectPair(dequeuer);
      let posted = 0;
      assert.throws(
        () => {
          for (; posted < 1000; posted++) {
            port.postSend(client, Buffer.from('x'));
          }
        },
        { code: 'ENOBUFS' },
      );
      await dequeuer.until(() => dequeuer.all.filter(({ kind }) => kind === 'send').length === posted, 'all sends');
      port.postReceive(server);
      port.postShutdown(client);
      assert.equal((await dequeuer.receiveAll(server)).data.byteLength, posted);
    }),
  );

  bounded('running a port that runs already is an error', () =>
    withPort(subject.options, (_dequeuer, port) => {
      listenOn(port);
      port.start(() => undefined);
      assert.throws(() => port.start(() => undefined), { code: 'EALREADY' });
      assert.throws(() => port.run(() => undefined), { code: 'EALREADY' });
      port.stop();
      port.stop();
    }),
  );

  bounded('batch sizes out of range are rejected', () => {
    for (const size of [0, -1, 1.5, 65537, Number.NaN]) {
      assert.throws(() => new CompletionBatch(size));
    }
    assert.throws(() => new CompletionBatch(2).at(0));
  });

  bounded('an unknown driver, and one of another system, are errors', () => {
    assert.throws(() => CompletionPort.create({ driver: 'kqueue' as never }), {
      name: 'TypeError',
      code: 'ERR_INVALID_ARG_VALUE',
      message: /kqueue/,
    });
    const [driver, home] = system.foreignDriver;
    assert.throws(() => CompletionPort.create({ driver }), { code: 'ERR_DRIVER_UNAVAILABLE', message: home });
  });
}
