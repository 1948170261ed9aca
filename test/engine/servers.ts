/** Servers: how they listen, how many connections they accept at once, and how they close. */

import assert from 'node:assert/strict';
import { setTimeout as after } from 'node:timers/promises';
import { Engine, type ListenOptions, listen, OperationError, type Server } from 'overlapped';
import type { OverlappedSocket } from 'overlapped/port';
import { Completion } from '../../src/port/completion.js';
import { eventually, someBytes } from '../support/harness.js';
import type { PeerClient } from '../support/peer-client.js';
import { isRefused } from '../support/peers.js';
import { type EngineSubject, portOf, scenes } from './subject.js';

const MIB = 1024 * 1024;

/** The smallest operationsMax. */
const OPERATIONS_LEAST = 256;

const WRONG: readonly [ListenOptions, string][] = [
  [{ port: -1 }, 'ERR_SOCKET_BAD_PORT'],
  [{ port: 65_536 }, 'ERR_SOCKET_BAD_PORT'],
  [{ port: 1.5 }, 'ERR_SOCKET_BAD_PORT'],
  [{ port: '65536' }, 'ERR_SOCKET_BAD_PORT'],
  [{ port: ' ' }, 'ERR_SOCKET_BAD_PORT'],
  [{ host: '127.0.0.1', port: undefined as never }, 'ERR_INVALID_ARG_VALUE'],
  [{ backlog: 0 }, 'ERR_OUT_OF_RANGE'],
  [{ backlog: -Infinity }, 'ERR_OUT_OF_RANGE'],
  [{ backlog: Number.NaN }, 'ERR_OUT_OF_RANGE'],
  [{ limits: { connectionsMax: 0 } }, 'ERR_OUT_OF_RANGE'],
  [{ limits: { connectionsPerAddressMax: -1 } }, 'ERR_OUT_OF_RANGE'],
  [{ limits: { acceptsPerRoundMax: Number.NaN } }, 'ERR_OUT_OF_RANGE'],
  [{ timeouts: { idleMs: -1 } }, 'ERR_OUT_OF_RANGE'],
  [{ timeouts: { lingerMs: -1 } }, 'ERR_OUT_OF_RANGE'],
  [{ limits: { highWaterMarkBytes: 0 } }, 'ERR_OUT_OF_RANGE'],
  [{ limits: { queuedBytesMax: '5' as never } }, 'ERR_INVALID_ARG_TYPE'],
  [
    {
      host: 'no-such-host.invalid',
      lookup: (_, __, done) => done(Object.assign(new Error('none'), { code: 'ENOTFOUND' }), []),
    },
    'ENOTFOUND',
  ],
];

function listening(subject: EngineSubject): void {
  const scene = scenes(subject);

  scene('listen rejects wrong options and leaves nothing behind', async (stage) => {
    for (const [options, code] of WRONG) {
      await assert.rejects(stage.listen(options), { code }, JSON.stringify(options));
    }
    assert.throws(() => new Engine({ ...subject.options, engineQueuedBytesMax: 0 }), { code: 'ERR_OUT_OF_RANGE' });
    assert.equal(stage.engine.core.port.statistics().sockets, 0);
  });

  scene("listen rejects an address in use, and another machine's address", async (stage) => {
    const server = await stage.listen({});
    const port = portOf(server);
    const failed = { syscall: 'listen', address: '127.0.0.1', port };
    await assert.rejects(stage.listen({ port }), { ...failed, code: 'EADDRINUSE' });
    await assert.rejects(stage.listen({ host: '192.0.2.1' }), {
      ...failed,
      address: '192.0.2.1',
      port: 0,
      code: 'EADDRNOTAVAIL',
    });
    assert.equal(stage.engine.core.port.statistics().sockets, 1);
  });

  scene('a server knows its port and its driver, and counts as its engine does', async (stage) => {
    const server = await stage.listen({});
    assert.equal(server.port, portOf(server));
    assert.deepEqual([server.driver, server.skippedDrivers], [stage.engine.driver, stage.engine.skippedDrivers]);
    await stage.peer(server);
    await eventually(() => server.connectionsCount === 1, 'a connection');
    assert.equal(stage.engine.statistics().operationsPosted.accept, server.statistics().engine.operationsPosted.accept);
    assert.equal(stage.engine.statistics().driver, server.driver);
  });

  scene('the signal of `listen` ends the lookup, and later closes the server', async (stage) => {
    const refused = AbortSignal.abort(new Error('Before'));
    await assert.rejects(stage.listen({ signal: refused }), { message: 'Before' });
    const slow = new AbortController();
    const listening = stage.listen({ host: 'slow.example', lookup: () => undefined, signal: slow.signal });
    slow.abort(new Error('Meanwhile'));
    await assert.rejects(listening, { message: 'Meanwhile' });
    const later = new AbortController();
    const server = await stage.listen({ signal: later.signal });
    const peer = await stage.peer(server);
    await eventually(() => server.connectionsCount === 1, 'a connection');
    later.abort();
    assert.equal(server.listening, false);
    await eventually(() => peer.ended, 'our end');
    peer.socket.end();
    await eventually(() => server.isClosed, 'the close');
  });

  scene('each connection has the context that the function makes', async (stage) => {
    const server = await stage.listen<{ readonly number: number }>({
      context: () => ({ number: count++ }),
      open: ({ context }) => numbers.push(context.number),
    });
    let count = 0;
    const numbers: number[] = [];
    await Promise.all([stage.peer(server), stage.peer(server)]);
    await eventually(() => numbers.length === 2, 'two connections');
    assert.deepEqual(numbers, [0, 1]);
  });

  scene('a connection whose context function throws is refused, and the next one is served', async (stage) => {
    let calls = 0;
    const server = await stage.listen<number>({
      context() {
        if (++calls === 1) {
          throw new Error('No context');
        }
        return calls;
      },
    });
    const peer = await stage.peer(server);
    await eventually(() => peer.closed, 'it is refused');
    assert.deepEqual(
      [(stage.thrown as Error[]).map(({ message }) => message), stage.failedHandlers, server.connectionsCount],
      [['No context'], ['context'], 0],
    );
    await stage.peer(server);
    await eventually(() => server.connectionsCount === 1, 'the next one');
  });

  scene('a server accepts at most acceptsPerRoundMax connections in a round', async (stage) => {
    const rounds = new Map<number, number>();
    const server = await stage.listen({
      limits: { acceptsPerRoundMax: 3 },
      open() {
        const { round } = stage.engine.core.scheduler;
        rounds.set(round, (rounds.get(round) ?? 0) + 1);
      },
    });
    const clients = await Promise.all(Array.from({ length: 20 }, () => stage.connect({ port: portOf(server) })));
    await eventually(() => server.connectionsCount === clients.length, 'all are accepted');
    assert(Math.max(...rounds.values()) <= 3);
  });

  scene(
    'ipv6Only leaves IPv4 to other servers',
    async (stage) => {
      const server = await stage.listen({ host: '::', ipv6Only: true });
      assert.equal(await isRefused(subject.peers, portOf(server)), true);
      await stage.connect({ host: '::1', port: portOf(server) });
    },
    { needs: 'ipv6Only' },
  );
}

function closing(subject: EngineSubject): void {
  const scene = scenes(subject);

  scene('closing a server ends each connection after its written bytes', async (stage) => {
    const { server, connection, peer } = await stage.pair();
    const idle = await stage.peer(server);
    await eventually(() => server.connectionsCount === 2, 'both');
    connection.write(someBytes(MIB));
    const closed = server.close();
    assert.equal(server.listening, false);
    assert.equal(server.close(), closed);
    // In Wine a listener that a thread waits for goes a moment later.
    for (let tries = 0; !(await isRefused(subject.peers, portOf(server))); tries++) {
      assert(tries < 100, 'nobody listens any more');
    }
    await eventually(() => peer.ended && idle.ended, 'the ends');
    assert.equal(peer.bytes, MIB);
    assert.equal(server.connectionsCount, 2);
    peer.socket.end();
    idle.socket.end();
    await closed;
    assert.deepEqual(stage.history.reasons, ['finished', 'finished']);
    await server.close();
  });

  scene('with a serverClosing handler, connections finish their work', async (stage) => {
    const { server, peer } = await stage.pair({
      data: (connection, chunk) => void (String(chunk).endsWith('!') && connection.end('done')),
      serverClosing: (connection) => connection.write('hurry'),
    });
    const closed = server.close();
    await eventually(() => peer.data.toString() === 'hurry', 'the word');
    peer.socket.write('ready!');
    await eventually(() => peer.ended, 'the end');
    assert.equal(peer.data.toString(), 'hurrydone');
    peer.socket.end();
    await closed;
    assert.deepEqual(stage.history.of([...stage.history.lives.keys()][0] as never).events, [
      'open',
      'serverClosing',
      'data',
      'close',
    ]);
  });

  scene("at the deadline of a server's close, the remaining connections are reset", async (stage) => {
    const { server, peer } = await stage.pair({ serverClosing: () => undefined });
    const began = performance.now();
    await server.close({ deadlineMs: 150 });
    assert(performance.now() - began >= 150);
    assert.deepEqual(stage.history.reasons, ['drain_deadline']);
    assert.equal(server.statistics().connections.closesByReason.drain_deadline, 1);
    await eventually(() => peer.closed, 'the reset');
    assert.equal(peer.code, 'ECONNRESET');
  });

  scene('a second close may shorten the deadline, and 0 resets at once', async (stage) => {
    const { server } = await stage.pair({ serverClosing: () => undefined });
    const closed = server.close({ deadlineMs: 60_000 });
    await after(20);
    void server.close({ deadlineMs: 0 });
    await closed;
    assert.deepEqual(stage.history.reasons, ['drain_deadline']);
  });

  scene('a server without connections can be closed and disposed', async (stage) => {
    let number = 0;
    {
      await using server = await stage.listen({});
      number = portOf(server);
    }
    assert.equal(await isRefused(subject.peers, number), true);
    const next = await stage.listen({ port: number });
    await next.close({ deadlineMs: Infinity });
    assert.equal(portOf(next), number, 'the address is free as soon as close has resolved');
    await (await stage.listen({ port: number })).close();
  });

  scene('a closed server keeps nothing alive', async (stage) => {
    const server = await stage.listen({});
    await server.close();
    server.ref();
    assert.equal(stage.engine.core.references, 0);
    server.unref();
    assert.equal(stage.engine.core.references, 0);
  });

  scene('closing an engine closes its servers and connections: engine_closed', async (stage) => {
    const { server, client } = await stage.ends({ data: () => undefined });
    stage.engine.close();
    stage.engine.close();
    await server.close();
    await eventually(() => client.isClosed, 'the close');
    assert.deepEqual(stage.history.reasons, ['engine_closed', 'engine_closed']);
    assert.equal(server.statistics().connections.closesByReason.engine_closed, 1);
    await assert.rejects(listen({ engine: stage.engine, port: 0 }), { code: 'EBADF' });
    await assert.rejects(stage.connect({ port: 1 }), { code: 'EBADF' });
  });

  scene('statistics add up, and can be written as JSON', async (stage) => {
    const { server, connection, peer } = await stage.pair({ data: (connection, chunk) => connection.write(chunk) });
    for (let round = 1; round <= 5; round++) {
      peer.socket.write('ping');
      await eventually(() => peer.bytes === 4 * round, 'the echo');
    }
    const { engine, ...counts } = JSON.parse(JSON.stringify(server.statistics()));
    assert.deepEqual([counts.bytesRead, counts.bytesWritten, counts.writes], [20, 20, counts.messagesRead]);
    assert.deepEqual([connection.bytesRead, connection.bytesWritten], [20, 20]);
    assert.equal(counts.connections.open, 1);
    assert.equal(engine.driver, subject.driver);
    assert.equal(engine.operationsPosted.send, engine.completions.send);
    assert(engine.completions.receive >= 5 && engine.rounds >= 5 && engine.handlersMs > 0);
    assert.deepEqual([engine.buffersLent, engine.queuedBytes], [0, 0]);
  });
}

function accepting(subject: EngineSubject): void {
  const scene = scenes(subject);

  scene('a server closed in `open` opens none of the other accepted connections', async (stage) => {
    const whenOpened: boolean[] = [];
    let closed: Promise<void> | undefined;
    const server: Server = await stage.listen({
      open() {
        whenOpened.push(server.listening);
        closed ??= server.close({ deadlineMs: Infinity });
      },
    });
    const { accepts } = server.core;
    const add = accepts.add.bind(accepts);
    const together: OverlappedSocket[] = [];
    accepts.add = (socket) => {
      if (together.push(socket) === 8) {
        together.forEach(add);
      }
    };
    const peers = await Promise.all(Array.from({ length: 8 }, () => stage.peer(server)));
    await eventually(() => closed !== undefined, 'the first');
    // The server has ended its side of the first one, and waits for the peer's.
    peers.forEach(({ socket }) => socket.end());
    await closed;
    assert.deepEqual(whenOpened, [true]);
    await eventually(() => peers.every((peer) => peer.ended || peer.closed), 'the others are closed');
  });

  scene(
    'an accepted connection that finds no free operation is closed alone',
    async (stage) => {
      const server = await stage.listen({ data: (connection, chunk) => connection.write(chunk) });
      const peers: PeerClient[] = [];
      const refused = (): number => server.statistics().connections.closesByReason.error;
      while (refused() === 0) {
        assert(peers.length < 300, 'the limit is reached');
        peers.push(await stage.peer(server));
        await eventually(() => server.statistics().connections.opened === peers.length, 'it is accepted');
      }
      assert(server.connectionsCount > 200, `${server.connectionsCount} connections`);
      assert.equal(server.statistics().errorsByCode.ENOBUFS, refused());
      peers.splice(0, 100).forEach(({ socket }) => socket.destroy());
      await eventually(() => server.connectionsCount < 200, 'some have left');
      const later = await stage.peer(server);
      later.socket.write('ping');
      await eventually(() => later.bytes === 4, 'the echo');
    },
    { engine: { operationsMax: OPERATIONS_LEAST } },
  );

  scene('a server goes on accepting when there was no operation left for its next accept', async (stage) => {
    const server = await stage.listen({});
    const { port } = stage.engine.core;
    const postAccept = port.postAccept.bind(port);
    let posts = 0;
    port.postAccept = () => {
      posts++;
      if (posts === 1) {
        throw new OperationError({ code: 'ENOBUFS', reason: 'operationsMax', syscall: 'accept' });
      }
    };
    server.core.accepts.completed(Object.assign(new Completion(), { kind: 'accept', more: false }));
    assert.deepEqual([server.listening, posts], [true, 1]);
    await eventually(() => posts === 2, 'the next accept is tried again');
    port.postAccept = postAccept;
    // Its first accept is in flight all the while.
    await stage.peer(server);
    await eventually(() => server.connectionsCount === 1, 'a connection');
  });

  scene(
    'a listen that finds no free operation leaves nothing behind',
    async (stage) => {
      const first = await stage.listen({});
      const free = await stage.listen({});
      const number = portOf(free);
      await free.close();
      while (stage.engine.core.port.statistics().operationsInFlight < OPERATIONS_LEAST) {
        await stage.peer(first);
      }
      const { sockets } = stage.engine.core.port.statistics();
      const { references } = stage.engine.core;
      for (let tries = 0; tries < 3; tries++) {
        await assert.rejects(stage.listen({ port: number }), { code: 'ENOBUFS' });
      }
      assert.deepEqual(
        [stage.engine.core.port.statistics().sockets, stage.engine.core.references],
        [sockets, references],
      );
      assert.equal(await isRefused(subject.peers, number), true);
      await first.close({ deadlineMs: 0 });
      assert.equal(stage.engine.core.references, 0);
      await (await stage.listen({ port: number })).close();
    },
    { engine: { operationsMax: OPERATIONS_LEAST } },
  );
}

export function servers(subject: EngineSubject): void {
  accepting(subject);
  listening(subject);
  closing(subject);
}
