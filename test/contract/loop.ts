/** A port in Node's event loop. */

import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { OverlappedSocket } from 'overlapped/port';
import { eventually, LOOPBACK, listenOn, longestBut, onceInTime, portOf } from '../support/harness.js';
import { createPort } from '../support/leftovers.js';
import { LoopEcho } from '../support/loop-echo.js';
import { connectNode } from '../support/node-client.js';
import { system } from '../support/system.js';
import { bounded, type Subject } from './subject.js';

/** No single wait of a driver lasts longer than this. */
const LONGEST_WAIT_MS = 1000;

/** Runs `body` with an echo server in the loop. */
async function withEcho(subject: Subject, body: (echo: LoopEcho) => Promise<void>): Promise<void> {
  const echo = new LoopEcho(subject.options).start();
  try {
    await body(echo);
  } finally {
    echo.port.close();
  }
}

export function loop(subject: Subject): void {
  bounded('a client is served many times, and the statistics name what wakes the loop', () =>
    withEcho(subject, async (echo) => {
      const client = await subject.peers.connect(echo.number);
      for (let round = 1; round <= 500; round++) {
        client.socket.write('ping');
        await eventually(() => client.bytes === 4 * round, `echo ${round}`);
      }
      assert.equal(typeof echo.port.eventLoopWatch, 'string');
      client.socket.destroy();
      await eventually(() => echo.closed === 1, 'the server closes it');
    }),
  );

  for (const answers of [true, false]) {
    const how = answers ? 'after their answer' : 'though they are not answered';
    bounded(`the end of a stream that arrives with its last bytes is dispatched, ${how}`, () =>
      withEcho(subject, async (echo) => {
        for (let round = 1; round <= 100; round++) {
          const client = await subject.peers.connect(echo.number);
          client.socket.write('ping');
          await eventually(() => client.bytes === 4, `echo ${round}`);
          echo.silent = !answers;
          // Both reach the port before its next turn.
          client.socket.end('x');
          await eventually(() => echo.closed === round, `the end of connection ${round}`);
          echo.silent = false;
        }
      }),
    );
  }

  bounded('the handler runs in the async context in which `start` was called, whoever posts', async () => {
    const store = new AsyncLocalStorage<string>();
    const seen = new Set<string | undefined>();
    const echo = new LoopEcho(subject.options);
    let accepted: OverlappedSocket | undefined;
    echo.before = (completion) => {
      seen.add(store.getStore());
      accepted ??= completion.accepted;
    };
    store.run('start', () => echo.start());
    try {
      const client = await store.run('somebody else', () => subject.peers.connect(echo.number));
      await eventually(() => accepted !== undefined, 'the connection');
      for (let round = 1; round <= 3; round++) {
        // Posted outside of a turn: the poster causes the next one.
        store.run('somebody else', () => echo.port.postSend(accepted as OverlappedSocket, Buffer.from('x')));
        await eventually(() => client.bytes === round, `send ${round}`);
      }
      assert.deepEqual([...seen], ['start']);
      client.socket.destroy();
    } finally {
      echo.port.close();
    }
  });

  bounded('an idle port with open connections uses no processor time', () =>
    withEcho(subject, async (echo) => {
      const clients = await Promise.all(Array.from({ length: 50 }, () => subject.peers.connect(echo.number)));
      await eventually(() => echo.opened === 50, '50 connections');
      await onceInTime(async () => {
        await new Promise((resolve) => setTimeout(resolve, 200));
        const before = process.cpuUsage();
        await new Promise((resolve) => setTimeout(resolve, 1000));
        const used = process.cpuUsage(before);
        assert.ok(used.user + used.system < 100_000, `${used.user + used.system} µs in a second`);
      });
      clients.forEach((client) => client.socket.destroy());
    }),
  );

  bounded('nothing is dispatched while nothing happens, even when waits time out', () =>
    withEcho(subject, async (echo) => {
      const clients = await Promise.all(Array.from({ length: 5 }, () => subject.peers.connect(echo.number)));
      for (const client of clients) {
        // The port sleeps by now: its wait reports this event, and no other one after it.
        await new Promise((resolve) => setTimeout(resolve, 50));
        client.socket.write('x');
        await eventually(() => client.bytes === 1, 'the echo');
      }
      // The peer may have an echo before its send has completed here.
      await eventually(() => echo.port.statistics().operationsInFlight === 1 + clients.length, 'no send is in flight');
      const dispatched: string[] = [];
      echo.before = ({ kind, code }) => dispatched.push(`${kind} ${code}`);
      const { operationsInFlight, lateCompletions } = echo.port.statistics();
      await new Promise((resolve) => setTimeout(resolve, 2.5 * LONGEST_WAIT_MS));
      assert.deepEqual(dispatched, []);
      assert.deepEqual(
        [echo.port.statistics().operationsInFlight, echo.port.statistics().lateCompletions],
        [operationsInFlight, lateCompletions],
      );
      clients.forEach(({ socket }) => socket.write('y'));
      await eventually(() => clients.every(({ bytes }) => bytes === 2), 'the port still serves');
      clients.forEach((client) => client.socket.destroy());
    }),
  );

  bounded('operations posted in a timer, a promise or another callback are submitted', () =>
    withEcho(subject, async (echo) => {
      const { port } = echo;
      const client = await subject.peers.connect(echo.number);
      await eventually(() => echo.opened === 1, 'the connection');
      let server: OverlappedSocket | undefined;
      echo.before = (completion) => {
        server = completion.kind === 'receive' ? completion.socket : server;
      };
      client.socket.write('x');
      await eventually(() => server !== undefined && client.bytes === 1, 'the first echo');
      const socket = server as unknown as OverlappedSocket;
      setTimeout(() => port.postSend(socket, Buffer.from('timer')), 5);
      await eventually(() => client.data.toString() === 'xtimer', 'the send of a timer');
      await Promise.resolve().then(() => port.postSend(socket, Buffer.from('promise')));
      await eventually(() => client.data.toString() === 'xtimerpromise', 'the send of a promise');
      port.closeSocket(socket);
      await eventually(() => client.ended, 'the close');
      client.socket.destroy();
    }),
  );

  bounded('a receive posted outside of a handler while the port sleeps is submitted at once', async () => {
    const port = createPort(subject.options);
    const listener = listenOn(port);
    let server: OverlappedSocket | undefined;
    let received = 0;
    port.start((completion) => {
      server = completion.accepted ?? server;
      received += completion.kind === 'receive' ? completion.bytes : 0;
    });
    const client = await subject.peers.connect(portOf(listener));
    await eventually(() => server !== undefined, 'the connection');
    const socket = server as unknown as OverlappedSocket;
    port.associate(socket);
    const took: number[] = [];
    for (let round = 1; round <= 5; round++) {
      // The port sleeps by now, and its wait does not include this receive.
      await new Promise((resolve) => setTimeout(resolve, 30));
      port.postReceive(socket, { once: true });
      await new Promise((resolve) => setTimeout(resolve, 30));
      const start = performance.now();
      client.socket.write('x');
      await eventually(() => received === round, `message ${round}`);
      took.push(performance.now() - start);
    }
    assert.ok(longestBut(2, took) < 400 * system.patience, `noticed after ${took} ms`);
    port.close();
    client.socket.destroy();
  });

  bounded('a wake-up is dispatched to the handler', () =>
    withEcho(subject, async (echo) => {
      let wakeUps = 0;
      echo.before = (completion) => {
        wakeUps += completion.kind === 'wakeUp' ? completion.bytes : 0;
      };
      await new Promise((resolve) => setTimeout(resolve, 20));
      echo.port.wakeUp();
      await eventually(() => wakeUps === 1, 'the wake-up');
    }),
  );

  bounded('a stopped port dispatches nothing, and loses nothing when it is started again', () =>
    withEcho(subject, async (echo) => {
      const client = await subject.peers.connect(echo.number);
      for (let round = 1; round <= 20; round++) {
        client.socket.write('ping');
        if (round % 2 === 0) {
          // The handler itself stops, in the middle of its batch.
          const stopped = new Promise<void>((resolve) => {
            echo.before = (completion) => {
              if (completion.kind === 'receive') {
                echo.before = undefined;
                echo.port.stop();
                resolve();
              }
            };
          });
          await stopped;
        } else {
          echo.port.stop();
          await new Promise((resolve) => setTimeout(resolve, 3));
          assert.equal(client.bytes, 4 * (round - 1));
          assert.equal(echo.port.eventLoopWatch, undefined);
        }
        echo.start();
        await eventually(() => client.bytes === 4 * round, `echo ${round}`);
      }
      client.socket.destroy();
    }),
  );

  bounded('a handler that stops the port loses nothing of a large batch', async () => {
    const port = createPort(subject.options);
    const contexts: unknown[] = [];
    const listener = listenOn(port);
    const client = port.createSocket('ipv4');
    port.associate(client);
    port.postConnect(client, listener.localAddress());
    const handler = (completion: { kind: string; context: unknown }): void => {
      if (completion.kind === 'connect') {
        for (let index = 0; index < 300; index++) {
          port.postSend(client, Buffer.from('x'), index);
        }
      } else if (completion.kind === 'send') {
        contexts.push(completion.context);
        port.stop();
        setImmediate(() => port.isClosed || port.start(handler));
      }
    };
    port.start(handler);
    await eventually(() => contexts.length === 300, '300 sends');
    assert.deepEqual(contexts, [...Array(300).keys()]);
    port.close();
  });

  for (const where of ['outside', 'inside'] as const) {
    for (const batchCompletions of [1, 7, 256]) {
      bounded(
        `a port closed ${where} its handler dispatches all that is left, in batches of ${batchCompletions}`,
        async () => {
          const port = createPort(subject.options);
          const ended = new Set<unknown>();
          let connected = 0;
          const connects = 200;
          const listener = port.createSocket('ipv4');
          listener.bind(LOOPBACK);
          listener.listen();
          port.start(
            (completion) => {
              if (completion.kind === 'connect') {
                connected++;
                port.postReceive(completion.socket as OverlappedSocket, { context: completion.context });
                if (where === 'inside' && connected === connects) {
                  port.close();
                }
              } else if (completion.kind === 'receive') {
                assert.equal(completion.code, 'ECANCELED');
                assert.equal(ended.has(completion.context), false);
                ended.add(completion.context);
              }
            },
            { batchCompletions },
          );
          for (let index = 0; index < connects; index++) {
            const socket = port.createSocket('ipv4');
            port.associate(socket);
            port.postConnect(socket, listener.localAddress(), index);
          }
          await eventually(() => connected === connects, 'all connects');
          port.close();
          await eventually(() => ended.size === connects, `all ${connects} receives end; ${ended.size} did`);
          assert.equal(port.statistics().completionsQueued, 0);
        },
      );
    }
  }

  bounded('timers, promises and sockets of node:net still run while the port is under load', () =>
    withEcho(subject, async (echo) => {
      const server = createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port: plain } = server.address() as { port: number };
      const loadPort = createPort(subject.options);
      const payload = Buffer.alloc(256, 1);
      let messages = 0;
      loadPort.start((completion) => {
        const socket = completion.socket as OverlappedSocket;
        if (completion.kind === 'connect') {
          loadPort.postReceive(socket);
          for (let index = 0; index < 16; index++) {
            loadPort.postSend(socket, payload);
          }
        } else if (completion.kind === 'receive' && completion.bytes > 0 && !loadPort.isClosed) {
          messages++;
          loadPort.postSend(socket, completion.data);
          if (!completion.more) {
            loadPort.postReceive(socket);
          }
        }
      });
      for (let index = 0; index < 30; index++) {
        const socket = loadPort.createSocket('ipv4');
        loadPort.associate(socket);
        loadPort.postConnect(socket, { family: 'ipv4', address: '127.0.0.1', port: echo.number });
      }
      await eventually(() => messages > 1000, 'the load');
      const client = await connectNode(plain);
      const took: number[] = [];
      for (let round = 1; round <= 20; round++) {
        const start = performance.now();
        await new Promise((resolve) => setTimeout(resolve, 1));
        client.socket.write('x');
        await eventually(() => client.bytes === round, `node's echo ${round}`);
        took.push(performance.now() - start);
      }
      const during = messages;
      const latest = longestBut(3, took);
      assert.ok(latest < 500 * system.patience, `a timer and a round trip of node:net took ${latest} ms under load`);
      await eventually(() => messages > during, 'the load goes on');
      loadPort.close();
      client.socket.destroy();
      server.close();
    }),
  );

  bounded('a handler that always posts again does not block the event loop', async () => {
    const port = createPort(subject.options);
    const listener = listenOn(port);
    const client = port.createSocket('ipv4');
    port.associate(client);
    port.postConnect(client, listener.localAddress());
    let sends = 0;
    port.start((completion) => {
      if (!port.isClosed && (completion.kind === 'connect' || completion.kind === 'send')) {
        sends++;
        // An empty send completes at once: without a bound this would be an endless turn.
        port.postSend(client, Buffer.alloc(0));
      }
    });
    await eventually(() => sends > 1000, 'many sends');
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    await eventually(() => ticks >= 5, 'a timer ticks');
    clearInterval(timer);
    port.close();
  });

  bounded('several ports run in one event loop', async () => {
    const echoes = Array.from({ length: 6 }, () => new LoopEcho(subject.options).start());
    for (const echo of echoes) {
      const client = await subject.peers.connect(echo.number);
      client.socket.write('hello');
      await eventually(() => client.bytes === 5, 'an echo of each port');
      client.socket.destroy();
    }
    echoes.forEach((echo) => echo.port.close());
  });

  // Each of these programs waits most of its time.
  bounded('closing a started port frees the address that it listens at', async () => {
    const echo = new LoopEcho(subject.options).start();
    const number = portOf(echo.listener);
    const client = await subject.peers.connect(number);
    client.socket.write('x');
    await eventually(() => client.bytes === 1, 'the echo');
    echo.port.close();
    const port = createPort(subject.options);
    const again = port.createSocket('ipv4');
    again.bind({ family: 'ipv4', address: '127.0.0.1', port: number });
    again.listen();
    port.close();
    client.socket.destroy();
  });
}
