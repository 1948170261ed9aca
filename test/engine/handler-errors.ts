/** Handlers are foreign code: an error or rejection ends its own connection, is reported, and affects no other connection. */

import assert from 'node:assert/strict';
import type { Connection, Handlers, Server } from 'overlapped';
import type { OverlappedSocket } from 'overlapped/port';
import { eventually } from '../support/harness.js';
import { collectingUncaught } from '../support/uncaught.js';
import { type EngineSubject, portOf, type Stage, scenes } from './subject.js';

type Thrower = 'open' | 'data' | 'drain' | 'end' | 'serverClosing';
const THROWERS: readonly Thrower[] = ['open', 'data', 'drain', 'end', 'serverClosing'];

const problem = new TypeError('Thrown by a handler');

const WAYS = {
  throws: () => {
    throw problem;
  },
  rejects: async () => {
    await undefined;
    throw problem;
  },
};

/** Brings a connection to where its handler fails; all others are served. */
async function failing(stage: Stage, event: Thrower, fail: () => unknown, told: Handlers): Promise<Connection> {
  let bad: Connection | undefined;
  const server = await stage.listen({
    ...told,
    // Or it would have finished before a promise can be rejected.
    allowHalfOpen: event === 'end',
    open: (connection) => {
      bad ??= connection;
      return event === 'open' && connection === bad ? fail() : undefined;
    },
    data: (connection, chunk) => {
      if (event === 'data' && connection === bad) {
        return fail();
      }
      return connection.write(event === 'drain' && connection === bad ? Buffer.alloc(600_000) : chunk);
    },
    drain: () => (event === 'drain' ? fail() : undefined),
    end: (connection) => (event === 'end' && connection === bad ? fail() : undefined),
    ...(event === 'serverClosing' && {
      serverClosing: (connection) => (connection === bad ? fail() : connection.end()),
    }),
  });
  const first = await stage.peer(server);
  await eventually(() => bad !== undefined, 'the first connection');
  const other = await stage.peer(server);
  first.socket.on('error', () => undefined);
  if (event === 'end') {
    first.socket.end();
  } else if (event !== 'open') {
    // One byte comes in one piece, and so to one call of a handler.
    first.socket.write('x');
  }
  if (event === 'serverClosing') {
    other.socket.write('good');
    await eventually(() => other.bytes === 4, 'the other is served');
    const closed = server.close();
    await eventually(() => other.ended, 'the other is ended');
    other.socket.end();
    await closed;
  }
  await eventually(() => bad?.isClosed === true, 'the close');
  if (event !== 'serverClosing') {
    other.socket.write('good');
    await eventually(() => other.bytes === 4, 'the other is served');
    assert.equal(server.connectionsCount, 1);
  }
  const { connections, handlerErrors, errorsByCode } = server.statistics();
  assert.deepEqual([handlerErrors, connections.closesByReason.handler_error, errorsByCode.TypeError], [1, 1, 1]);
  assert.equal(stage.history.of(bad as Connection).reason, 'handler_error');
  return bad as Connection;
}

/** A sink that does not want the process to go on. */
const crashing = {
  onHandlerError(error: unknown): void {
    throw error;
  },
};

/** Connections that are accepted in one round. */
const TOGETHER = 8;

/** Hands a server its accepted sockets once this many have arrived. */
function takeTogether(server: Server): void {
  const { accepts } = server.core;
  const add = accepts.add.bind(accepts);
  const together: OverlappedSocket[] = [];
  accepts.add = (socket) => {
    if (together.push(socket) === TOGETHER) {
      together.forEach(add);
    }
  };
}

function sinksThatThrow(subject: EngineSubject): void {
  const scene = scenes(subject);

  scene(
    'an error sink that throws is an uncaught exception and affects no other connection',
    (stage) =>
      collectingUncaught(async (uncaught) => {
        const server = await stage.listen({ close: WAYS.throws });
        const port = portOf(server);
        const peers = await Promise.all(Array.from({ length: TOGETHER }, () => stage.connect({ port })));
        await eventually(() => server.connectionsCount === TOGETHER, 'all are accepted');
        for (const connection of server.connections()) {
          connection.destroy();
        }
        await eventually(() => uncaught.length === TOGETHER, 'all of the errors');
        assert.deepEqual([new Set(uncaught), server.connectionsCount], [new Set([problem]), 0]);
        await eventually(() => peers.every(({ isClosed: closed }) => closed), 'their ends');
        await server.close();
        assert.equal(stage.engine.core.references, 0);
      }),
    { engine: crashing, timeoutMs: 30_000 },
  );

  scene(
    'if a framing throws, the other accepted connections are opened',
    (stage) =>
      collectingUncaught(async (uncaught) => {
        let framings = 0;
        const server = await stage.listen({
          framing: {
            decode: (bytes) => bytes.length,
            encode: (message: Buffer) => message,
            // Read once by listen, and once for each connection.
            get frameBytesMax() {
              if (framings++ === 1) {
                throw problem;
              }
              return 100;
            },
          },
          message: () => undefined,
        });
        takeTogether(server);
        const port = portOf(server);
        await Promise.all(Array.from({ length: TOGETHER }, () => stage.connect({ port })));
        await eventually(() => uncaught.length > 0, 'the error');
        await eventually(() => server.connectionsCount === TOGETHER - 1, 'the others');
        assert.deepEqual(uncaught, [problem]);
        await server.close();
      }),
    { engine: crashing, timeoutMs: 30_000 },
  );
}

export function handlerErrors(subject: EngineSubject): void {
  const scene = scenes(subject);

  for (const event of THROWERS) {
    for (const [way, fail] of Object.entries(WAYS)) {
      scene(`an error is emitted if ${event} ${way}`, async (stage) => {
        const connection = await failing(stage, event, fail, { error: () => undefined });
        assert.deepEqual(stage.history.of(connection).errors, [problem]);
        assert.deepEqual(stage.thrown, []);
      });
    }
  }

  scene('without an error handler the error goes to onHandlerError', async (stage) => {
    await failing(stage, 'data', WAYS.throws, {});
    assert.deepEqual(stage.thrown, [problem]);
  });

  scene('errors of the error and close handlers go to onHandlerError, and close is still called', async (stage) => {
    const { connection } = await stage.pair({
      data: () => undefined,
      error: () => {
        throw new RangeError('Thrown by error');
      },
      close: async () => {
        throw new SyntaxError('Rejected by close');
      },
    });
    connection.destroy(problem);
    await eventually(() => stage.thrown.length === 2, 'both');
    assert.deepEqual(
      stage.thrown.map((error) => (error as Error).name),
      ['RangeError', 'SyntaxError'],
    );
    assert.deepEqual(stage.history.of(connection).events, ['open', 'error', 'close']);
  });

  scene('a handler may throw something other than an error', async (stage) => {
    const { connection, peer } = await stage.pair({
      data: () => Promise.reject('a word'),
      error: () => undefined,
    });
    peer.socket.write('hello');
    await eventually(() => connection.isClosed, 'the close');
    assert.match(String(stage.history.of(connection).errors[0]), /no error: a word/);
  });

  scene('a handler may throw something that has no text', async (stage) => {
    const { connection, peer } = await stage.pair({
      data: () => Promise.reject(Object.create(null)),
      error: () => undefined,
    });
    peer.socket.write('hello');
    await eventually(() => connection.isClosed, 'the close');
    assert.match(String(stage.history.of(connection).errors[0]), /no error: \[object Object\]/);
    assert.equal(stage.history.of(connection).reason, 'handler_error');
  });

  scene('a handler that rejects after its connection is closed reports to onHandlerError', async (stage) => {
    const { connection, peer } = await stage.pair({
      async data(connection) {
        connection.destroy();
        await undefined;
        throw problem;
      },
      error: () => undefined,
    });
    peer.socket.write('hello');
    await eventually(() => connection.isClosed && stage.thrown.length > 0, 'the close');
    assert.deepEqual(stage.history.of(connection).events, ['open', 'data', 'close']);
    assert.deepEqual(stage.thrown, [problem]);
  });

  sinksThatThrow(subject);
}
