/** AsyncLocalStorage: a program's functions run in the context of the call that they were given to, and in no other. */

import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { connect, Engine, type Handlers, type ListenOptions, listen, type Server } from 'overlapped';
import { delimited } from 'overlapped/framing';
import { eventually } from '../support/harness.js';
import { type EngineSubject, portOf, type Stage, scenes } from './subject.js';

const store = new AsyncLocalStorage<string>();

const EVENTS = ['open', 'data', 'message', 'drain', 'end', 'serverClosing', 'error', 'close'] as const;

/** The store that each function of a program saw, as `name store`. */
class Seen {
  readonly all = new Set<string>();

  note(name: string): void {
    this.all.add(`${name} ${store.getStore()}`);
  }

  /** Handlers that note where they run. */
  handlers(own: Handlers = {}): Handlers {
    return Object.fromEntries(
      EVENTS.map((name) => [
        name,
        (...given: unknown[]) => {
          this.note(name);
          return (own[name] as ((...given: unknown[]) => unknown) | undefined)?.(...given);
        },
      ]),
    );
  }

  /** All of them were seen, each in this context only. */
  check(names: readonly string[], context: string | undefined): void {
    assert.deepEqual([...this.all].sort(), names.map((name) => `${name} ${context}`).sort());
  }
}

/** Listens on behalf of somebody. */
function listenAs(who: string, stage: Stage, options: Partial<ListenOptions>): Promise<Server> {
  return store.run(who, () => listen({ engine: stage.engine, host: '127.0.0.1', port: 0, ...options }));
}

function handlersRun(subject: EngineSubject): void {
  const scene = scenes(subject);

  scene('handlers run in the async context in which listen or connect was called, whoever posts', async (stage) => {
    const ofServer = new Seen();
    const ofClients = { A: new Seen(), B: new Seen(), none: new Seen() };
    const server = await listenAs('server', stage, {
      ...ofServer.handlers({
        data: (connection, chunk) => connection.write(chunk),
        end: (connection) => connection.destroy(new Error('An end')),
      }),
      allowHalfOpen: true,
    });
    const port = portOf(server);
    const open = (seen: Seen) => connect({ engine: stage.engine, host: '127.0.0.1', port, ...seen.handlers() });
    const clients = [
      await store.run('A', () => open(ofClients.A)),
      await store.run('B', () => open(ofClients.B)),
      await open(ofClients.none),
    ];
    // In another context, and outside of any turn.
    store.run('somebody else', () => clients.forEach((client) => client.write('x')));
    await eventually(() => clients.every(({ bytesRead }) => bytesRead === 1), 'the echoes');
    store.run('somebody else', () => clients.forEach((client) => client.end()));
    await eventually(() => clients.every(({ isClosed: closed }) => closed), 'the ends of clients');
    await eventually(() => server.connectionsCount === 0, 'the ends at the server');
    ofServer.check(['open', 'data', 'end', 'error', 'close'], 'server');
    for (const [name, seen] of Object.entries(ofClients)) {
      const context = name === 'none' ? undefined : name;
      assert(
        ['open', 'data', 'close'].every((event) => seen.all.has(`${event} ${context}`)),
        [...seen.all].join(),
      );
      assert(
        [...seen.all].every((entry) => entry.endsWith(` ${context}`)),
        [...seen.all].join(),
      );
    }
  });

  scene('a store that a handler enters applies to its own async work and to no other handler', async (stage) => {
    const seen = new Seen();
    const later: (string | undefined)[] = [];
    const server = await listenAs('server', stage, {
      ...seen.handlers({
        data(connection) {
          store.enterWith('left behind');
          connection.write('y');
          setImmediate(() => later.push(store.getStore()));
        },
      }),
    });
    const peers = [await stage.peer(server), await stage.peer(server)];
    for (const { socket } of peers) {
      socket.write('x');
    }
    await eventually(() => peers.every(({ bytes }) => bytes > 0) && later.length === 2, 'the answers');
    peers.forEach(({ socket }) => socket.end());
    await eventually(() => server.connectionsCount === 0, 'the ends');
    seen.check(['open', 'data', 'end', 'close'], 'server');
    assert.deepEqual(later, ['left behind', 'left behind']);
  });

  for (const who of ['server', undefined]) {
    scene(
      `a handler that triggers another handler keeps its own store, ${who === undefined ? 'without' : 'with'} a store of the server`,
      async (stage) => {
        const seen = new Seen();
        const after: (string | undefined)[] = [];
        let server: Server | undefined;
        const options = seen.handlers({
          data() {
            store.run('inner', () => {
              void server?.close();
              after.push(store.getStore());
            });
            after.push(store.getStore());
          },
          serverClosing: (connection) => connection.end(),
        });
        server = who === undefined ? await stage.listen(options) : await listenAs(who, stage, options);
        const peer = await stage.peer(server);
        peer.socket.write('x');
        await eventually(() => peer.ended, 'our end');
        peer.socket.end();
        await eventually(() => server.connectionsCount === 0, 'the end');
        assert.deepEqual(after, ['inner', who]);
        seen.check(['open', 'data', 'serverClosing', 'end', 'close'], who);
      },
    );
  }

  scene('serverClosing, and close of a closing engine, run in that context too', async (stage) => {
    const seen = new Seen();
    const server = await listenAs('server', stage, seen.handlers());
    await stage.peer(server);
    await eventually(() => server.connectionsCount === 1, 'the connection');
    const closed = store.run('somebody else', () => server.close());
    store.run('somebody else', () => stage.engine.close());
    await closed;
    await eventually(() => seen.all.has('close server'), 'the close');
    seen.check(['open', 'serverClosing', 'close'], 'server');
  });
}

function othersRun(subject: EngineSubject): void {
  const scene = scenes(subject);

  scene('framings, heartbeats, message handlers and diagnostics channels run in that context too', async (stage) => {
    const seen = new Seen();
    const lines = delimited();
    const published = (message: unknown): void => {
      const { connection } = message as { connection: { group: unknown } };
      if (connection.group === server.core) {
        seen.note('published');
      }
    };
    const server = await listenAs('server', stage, {
      ...seen.handlers(),
      framing: {
        decode: (...given: Parameters<typeof lines.decode>) => {
          seen.note('decode');
          return lines.decode(...given);
        },
        encode: (message: never) => {
          seen.note('encode');
          return lines.encode(message);
        },
      },
      heartbeat: {
        intervalMs: 40,
        ping() {
          seen.note('ping');
          return 'ping';
        },
        isPong(message: unknown) {
          seen.note('isPong');
          return String(message) === 'pong';
        },
      },
    } as never);
    for (const name of ['open', 'close']) {
      subscribe(`overlapped:connection:${name}`, published);
    }
    try {
      const peer = await stage.peer(server);
      peer.socket.write('a message\n');
      await eventually(() => peer.bytes > 0, 'a ping');
      peer.socket.end('pong\n');
      await eventually(() => server.connectionsCount === 0, 'the end');
    } finally {
      for (const name of ['open', 'close']) {
        unsubscribe(`overlapped:connection:${name}`, published);
      }
    }
    seen.check(['open', 'message', 'end', 'close', 'decode', 'encode', 'ping', 'isPong', 'published'], 'server');
  });

  scene('onListenError and an own onHandlerError run in that context too', async (stage) => {
    const seen = new Seen();
    const server = await listenAs('server', stage, { onListenError: () => seen.note('onListenError') });
    store.run('somebody else', () => server.core.accepts.failed(new Error('Nothing can be accepted')));
    seen.check(['onListenError'], 'server');
    const sink = new Seen();
    const engine = store.run(
      'engine',
      () => new Engine({ ...subject.options, onHandlerError: () => sink.note('onHandlerError') }),
    );
    const failing = await listen({
      engine,
      host: '127.0.0.1',
      port: 0,
      open() {
        throw new Error('Thrown by open');
      },
    });
    await connect({ engine, host: '127.0.0.1', port: portOf(failing) });
    await eventually(() => sink.all.size > 0, 'the error');
    sink.check(['onHandlerError'], 'engine');
    engine.close();
  });

  scene('promises and streams keep the context of the code that waits for them', async (stage) => {
    const server = await listenAs('server', stage, { data: (connection, chunk) => connection.write(chunk) });
    const seen = await store.run('reader', async () => {
      const client = await connect({ engine: stage.engine, host: '127.0.0.1', port: portOf(server) });
      const contexts = [store.getStore()];
      client.write('x');
      for await (const _chunk of client) {
        contexts.push(store.getStore());
        client.end();
      }
      await server.close();
      contexts.push(store.getStore());
      return contexts;
    });
    assert.deepEqual(seen, ['reader', 'reader', 'reader']);
  });
}

function streamsRun(subject: EngineSubject): void {
  const scene = scenes(subject);

  scene('callbacks of a stream run in the context of the write or end call', async (stage) => {
    const { connection, peer } = await stage.pair({});
    const stream = store.run('reader', () => connection.toDuplex());
    stream.on('data', () => undefined);
    const seen: unknown[] = [];
    const note = (): unknown => seen.push(store.getStore());
    peer.socket.pause();
    const written = new Promise<void>((resolve) => {
      store.run('writer', () => stream.write(Buffer.alloc(4 * 1024 * 1024), () => resolve(void note())));
    });
    store.run('somebody else', () => peer.socket.resume());
    await written;
    await new Promise<void>((resolve) => {
      store.run('ender', () => stream.end(() => resolve(void note())));
    });
    assert.deepEqual(seen, ['writer', 'ender']);
    peer.socket.end();
    await eventually(() => connection.isClosed, 'the end');
  });
}

export function contexts(subject: EngineSubject): void {
  handlersRun(subject);
  othersRun(subject);
  streamsRun(subject);
}
