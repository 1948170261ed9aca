/** Connecting: to the first address that answers, within a time, until it is given up. */

import assert from 'node:assert/strict';
import { setTimeout as after } from 'node:timers/promises';
import { type ConnectOptions, Engine, listen } from 'overlapped';
import type { Framing } from 'overlapped/framing';
import type { OverlappedSocket } from 'overlapped/port';
import { eventually, onceInTime } from '../support/harness.js';
import { createPort, keepSocket } from '../support/leftovers.js';
import { system } from '../support/system.js';
import { type EngineSubject, portOf, type Stage, scenes } from './subject.js';

type Lookup = NonNullable<ConnectOptions['lookup']>;

/** A resolver that knows one answer. */
function answering(...addresses: readonly string[]): Lookup {
  return (_hostname, _options, done) =>
    done(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
}

/** A port that refuses. */
async function refusing(stage: Stage): Promise<number> {
  const server = await stage.listen({});
  const port = portOf(server);
  await server.close();
  return port;
}

/** An address of the loopback network whose listener accepts no more connections. */
async function fullListener(stage: Stage, port: number): Promise<{ hanging: string; port: number }> {
  const hanging = '127.0.0.2';
  const listener = createPort(stage.subject.options).createSocket('ipv4');
  listener.bind({ family: 'ipv4', address: hanging, port });
  listener.listen(1);
  for (let count = 0; count < 4; count++) {
    keepSocket(stage.subject.peers.open(port, hanging).on('error', () => undefined));
  }
  await after(50);
  return { hanging, port };
}

/** The fewest operations that a port can be made for. */
const OPERATIONS_LEAST = 256;

/** A connection that finds no operation free for its first receive. */
async function fullPort(stage: Stage): Promise<void> {
  const { port } = stage.engine.core;
  const listeners: OverlappedSocket[] = [];
  const fill = (): void => {
    while (port.statistics().operationsInFlight < OPERATIONS_LEAST) {
      const listener = port.createSocket('ipv4');
      listeners.push(listener);
      listener.bind({ family: 'ipv4', address: '127.0.0.1', port: 0 });
      listener.listen();
      port.associate(listener, undefined);
      port.postAccept(listener);
    }
  };
  // This server is of another engine: in the same one, its side of the connection would find no free operation either.
  const other = new Engine(stage.subject.options);
  try {
    const server = await listen({ engine: other, host: '127.0.0.1', port: 0 });
    const connecting = stage.connect({ port: portOf(server), open: fill, error: () => undefined });
    await assert.rejects(connecting, { code: 'ENOBUFS' });
    for (const listener of listeners) {
      port.closeSocket(listener);
    }
    await eventually(() => port.statistics().sockets === 0, 'its socket is closed');
    const [life] = stage.history.lives.values();
    assert.deepEqual(
      [life?.events, life?.reason, stage.engine.core.references],
      [['open', 'error', 'close'], 'error', 0],
    );
  } finally {
    other.close();
  }
}

export function connecting(subject: EngineSubject): void {
  const scene = scenes(subject);

  scene('connecting to a port without a listener is ECONNREFUSED', async (stage) => {
    const port = await refusing(stage);
    await assert.rejects(stage.connect({ port }), {
      code: 'ECONNREFUSED',
      syscall: 'connect',
      address: '127.0.0.1',
      port,
    });
    assert.equal(stage.engine.core.clientCounters.errorsByCode.ECONNREFUSED, 1);
    await eventually(() => stage.engine.core.port.statistics().sockets === 0, 'its socket is closed');
  });

  scene('connect rejects wrong options', async (stage) => {
    for (const options of [
      { attemptDelayMs: 5 },
      { attemptDelayMs: 3000 },
      { timeouts: { connectMs: -1 } },
      { timeouts: { idleMs: Number.NaN } },
    ]) {
      await assert.rejects(stage.connect({ port: 1, ...options }), { code: 'ERR_OUT_OF_RANGE' });
    }
    await assert.rejects(stage.connect({ port: 65_536 }), { code: 'ERR_SOCKET_BAD_PORT' });
  });

  scene('connecting to an unknown name, or to a name without addresses, fails', async (stage) => {
    const lookup: Lookup = (hostname, _options, done) =>
      done(Object.assign(new Error(`getaddrinfo ENOTFOUND ${hostname}`), { code: 'ENOTFOUND' }), []);
    await assert.rejects(stage.connect({ host: 'no-such-host.invalid', port: 1, lookup }), { code: 'ENOTFOUND' });
    await assert.rejects(stage.connect({ host: 'empty.invalid', port: 1, lookup: answering() }), { code: 'ENOTFOUND' });
  });

  scene('connect uses the first of several addresses that answers', async (stage) => {
    const server = await stage.listen({ host: '127.0.0.1' });
    const several = {
      host: 'several.example',
      port: portOf(server),
      lookup: answering('127.0.0.2', '127.0.0.3', '127.0.0.1'),
      attemptDelayMs: 2000,
    };
    await onceInTime(async () => {
      const { opened } = server.statistics().connections;
      const began = performance.now();
      const client = await stage.connect(several);
      const tookMs = performance.now() - began;
      assert.deepEqual(client.remoteAddress, server.address);
      await eventually(() => server.statistics().connections.opened === opened + 1, 'it is accepted');
      const { sockets } = stage.engine.core.port.statistics();
      client.destroy();
      await eventually(() => server.connectionsCount === 0, 'the close');
      assert.equal(sockets, 3, 'of the others nothing is left');
      assert(tookMs < 1500, `what is refused is not waited for: ${tookMs} ms`);
    });
  });

  scene(
    'connect uses addresses of both families',
    async (stage) => {
      const server = await stage.listen({ host: '127.0.0.1' });
      const client = await stage.connect({
        host: 'both.example',
        port: portOf(server),
        lookup: answering('::1', '127.0.0.1'),
      });
      assert.equal(client.remoteAddress.family, 'ipv4');
    },
    { needs: 'ipv6' },
  );

  scene('if all addresses fail, the last error lists all errors', async (stage) => {
    const port = await refusing(stage);
    const error = await stage.connect({ host: 'x.example', port, lookup: answering('127.0.0.1', '127.0.0.2') }).then(
      () => assert.fail('Connected'),
      (error) => error,
    );
    assert.equal(error.code, 'ECONNREFUSED');
    assert.deepEqual(error.errors.map(({ address }: { address: string }) => address).sort(), [
      '127.0.0.1',
      '127.0.0.2',
    ]);
  });

  scene('connectTimeoutMs ends a lookup that never answers', async (stage) => {
    const began = performance.now();
    await assert.rejects(
      stage.connect({ host: 'slow.example', port: 1, lookup: () => undefined, timeouts: { connectMs: 100 } }),
      { code: 'ETIMEDOUT', message: /100 ms/ },
    );
    assert(performance.now() - began >= 100);
  });

  scene('connect rejects if its signal is aborted before the call or during it', async (stage) => {
    const reason = new Error('Not needed any more');
    const options = { host: 'slow.example', port: 1, lookup: () => undefined };
    await assert.rejects(stage.connect({ ...options, signal: AbortSignal.abort(reason) }), reason);
    const controller = new AbortController();
    const connecting = stage.connect({ ...options, signal: controller.signal });
    setTimeout(() => controller.abort(reason), 20);
    await assert.rejects(connecting, reason);
  });

  scene('an aborted connect is counted under the name of its reason', async (stage) => {
    const reasons = [undefined, new TypeError('No'), Object.assign(new Error('No'), { code: 'E_OWN' }), 'text', null];
    for (const reason of reasons) {
      const controller = new AbortController();
      const options = { host: 'slow.example', port: 1, lookup: () => undefined, signal: controller.signal };
      const connecting = stage.connect(options).then(
        () => assert.fail('Connected'),
        () => undefined,
      );
      controller.abort(reason);
      await connecting;
    }
    const { errorsByCode } = stage.engine.core.clientCounters;
    assert.deepEqual(errorsByCode, { AbortError: 1, TypeError: 1, E_OWN: 1, ABORT_ERR: 2 });
  });

  scene('aborting a connect in progress closes its socket', async (stage) => {
    const server = await stage.listen({});
    const controller = new AbortController();
    const connecting = stage.connect({ port: portOf(server), signal: controller.signal });
    queueMicrotask(() => queueMicrotask(() => controller.abort()));
    await assert.rejects(connecting, { name: 'AbortError' });
    await eventually(() => stage.engine.core.port.statistics().sockets <= 2, 'its socket is closed');
  });

  scene('aborted once it is connected: it is destroyed with the reason of the signal', async (stage) => {
    const server = await stage.listen({});
    const controller = new AbortController();
    const reason = new Error('Not needed any more');
    const errors: Error[] = [];
    const { signal } = controller;
    const client = await stage.connect({ port: portOf(server), signal, error: (_, error) => errors.push(error) });
    controller.abort(reason);
    await eventually(() => stage.history.of(client).reason !== undefined, 'the close');
    assert.deepEqual([stage.history.of(client).reason, errors], ['destroyed', [reason]]);
    // One that has ended before no longer listens to its signal.
    const other = new AbortController();
    const ended = await stage.connect({ port: portOf(server), signal: other.signal });
    ended.reset();
    await eventually(() => stage.history.of(ended).reason === 'reset', 'the close');
    other.abort();
  });

  scene('a connect fails and is closed if no operation is free after connecting', fullPort, {
    engine: { operationsMax: OPERATIONS_LEAST },
  });

  scene('a connect fails and is closed if creating its framing throws', async (stage) => {
    const server = await stage.listen({});
    const problem = new Error('Thrown by a framing');
    let reads = 0;
    const framing: Framing = {
      decode: (bytes) => bytes.length,
      encode: (message) => message,
      // Read by connect before there is a connection, and then for the connection.
      get frameBytesMax(): number {
        if (reads++ === 0) {
          return 100;
        }
        throw problem;
      },
    };
    await assert.rejects(stage.connect({ port: portOf(server), framing }), problem);
    await eventually(() => stage.engine.core.port.statistics().sockets === 1, 'its socket is closed');
    const { opened, errorsByCode } = stage.engine.core.clientCounters;
    assert.deepEqual([opened, errorsByCode, stage.engine.core.references], [0, { Error: 1 }, 1]);
  });

  scene('a client of a server that ends or resets at once learns it', async (stage) => {
    const server = await stage.listen({ open: (connection) => connection.reset() });
    const client = await stage.connect({ port: portOf(server), error: () => undefined }).catch((error) => error);
    if (client instanceof Error) {
      assert.equal((client as NodeJS.ErrnoException).code, 'ECONNRESET');
    } else {
      await eventually(() => client.isClosed, 'the close');
      assert.equal(stage.history.of(client).reason, 'peer_reset');
    }
  });

  if (subject.network === undefined && system.patience === 1) {
    scene(
      'if an address does not answer in time, the next one is tried in parallel',
      async (stage) => {
        const server = await stage.listen({});
        const { hanging, port } = await fullListener(stage, portOf(server));
        const options = { host: 'half.example', port, attemptDelayMs: 100 };
        const began = performance.now();
        const client = await stage.connect({ ...options, lookup: answering(hanging, '127.0.0.1') });
        assert(performance.now() - began >= 100);
        assert.deepEqual(client.remoteAddress, server.address);
        await assert.rejects(stage.connect({ ...options, host: hanging, timeouts: { connectMs: 80 } }), {
          code: 'ETIMEDOUT',
        });
        const signal = AbortSignal.timeout(50);
        await assert.rejects(stage.connect({ ...options, host: hanging, signal }), { name: 'TimeoutError' });
        const { connectsPosted } = stage.engine.core.counters;
        assert.equal(connectsPosted, 4);
        await eventually(() => stage.engine.core.port.statistics().sockets === 3, 'the attempts are closed');
      },
      { needs: 'systemBacklog' },
    );
  }

  const { network } = subject;
  if (network !== undefined) {
    scene('if an address does not answer in time, the next one is tried in parallel', async (stage) => {
      const server = await stage.listen({});
      const { faults } = network;
      network.faults = { ...faults, lostConnects: 1 };
      const connecting = stage.connect({
        host: 'half.example',
        port: portOf(server),
        lookup: answering('127.0.0.2', '127.0.0.1'),
        attemptDelayMs: 500,
      });
      const began = performance.now();
      await eventually(() => stage.engine.core.counters.connectsPosted === 1, 'the first attempt');
      await after(40);
      network.faults = faults;
      const client = await connecting;
      assert(performance.now() - began >= 490);
      assert.equal(stage.engine.core.counters.connectsPosted, 2);
      client.end();
      await eventually(() => stage.engine.core.port.statistics().sockets <= 2, 'the attempt that was lost is closed');
    });

    scene('connectTimeoutMs ends a connect if no address answers', async (stage) => {
      const server = await stage.listen({});
      const { faults } = network;
      network.faults = { ...faults, lostConnects: 1 };
      try {
        await assert.rejects(stage.connect({ port: portOf(server), timeouts: { connectMs: 80 } }), {
          code: 'ETIMEDOUT',
        });
      } finally {
        network.faults = faults;
      }
    });
  }
}
