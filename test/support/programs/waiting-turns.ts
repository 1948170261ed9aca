/**
 * An echo server whose clients are in a worker and send one message at a time. Arguments: options of the engine (JSON), and
 * a mode. `echo` only echoes. `busy` has timers, promises, files and another server at the same time. `connects`: the
 * handler connects a socket of Node's. `throws`: at each tenth message a tick and a promise throw. `two`: another engine
 * serves in the same thread. `closes`: the handler closes the server at the last message. Prints counts and times.
 */

import { AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { performance } from 'node:perf_hooks';
import { Worker } from 'node:worker_threads';
import { Engine, type EngineOptions, listen, type Server } from 'overlapped';

/** Sends one message after the other, each some time after the answer to the one before. */
const CLIENT = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { connect } = require('node:net');
  const { ports, messages, pauseMs } = workerData;
  let open = ports.length;
  for (const port of ports) {
    const socket = connect(port, '127.0.0.1');
    let received = 0;
    socket.on('data', (chunk) => {
      received += chunk.length;
      if (received < messages) setTimeout(() => socket.write('x'), pauseMs);
      else socket.end();
    });
    socket.on('error', (error) => { throw error; });
    socket.on('close', () => { open -= 1; if (open === 0) parentPort.postMessage(received); });
    socket.write('x');
  }
`;

const MESSAGES = 200;
const PAUSE_MS = 2;

const [optionsText = '{}', mode = 'echo'] = process.argv.slice(2);
const options = JSON.parse(optionsText) as EngineOptions;
const portOf = ({ address }: Server): number => (address as { port: number }).port;
const store = new AsyncLocalStorage<string>();

let messages = 0;
let uncaught = 0;
let wrongContexts = 0;
/** Messages that came until the socket was connected. */
let untilConnected = -1;
const order: string[] = [];
if (mode === 'throws') {
  process.on('uncaughtException', () => {
    uncaught++;
  });
}

function serve(engine: Engine) {
  return listen({
    engine,
    host: '127.0.0.1',
    port: 0,
    data(connection, chunk) {
      messages++;
      connection.write(chunk);
      if (store.getStore() !== 'server') {
        wrongContexts++;
      }
      if (messages === MESSAGES / 2) {
        // The order in which Node runs them.
        setImmediate(() => order.push('immediate'));
        void Promise.resolve().then(() => order.push('promise'));
        process.nextTick(() => order.push('tick'));
      }
      if (mode === 'connects' && messages === MESSAGES / 4) {
        const socket = connect(portOf(server), '127.0.0.1', () => {
          untilConnected = messages - MESSAGES / 4;
          socket.destroy();
        });
      }
      if (mode === 'throws' && messages % 10 === 0) {
        const thrower = (): void => {
          throw new Error('thrown after a handler');
        };
        process.nextTick(thrower);
        queueMicrotask(thrower);
      }
      if (mode === 'closes' && messages === MESSAGES) {
        connection.end();
        void server.close();
      }
    },
  });
}

const engine = new Engine(options);
const server = await store.run('server', () => serve(engine));
const ports = [portOf(server)];
const others: { close(): unknown }[] = [];
if (mode === 'two') {
  const second = await store.run('server', () => serve(new Engine(options)));
  others.push(second);
  ports.push(portOf(second));
}

let timers = 0;
let files = 0;
let answers = 0;
if (mode === 'busy') {
  const timer = setInterval(() => {
    timers++;
  }, 5);
  others.push({ close: () => clearInterval(timer) });
  const other = createServer((socket) => socket.on('error', () => undefined).pipe(socket)).listen(0, '127.0.0.1');
  await once(other, 'listening');
  others.push(other);
  const socket = connect((other.address() as AddressInfo).port, '127.0.0.1');
  others.push({ close: () => socket.destroy() });
  socket.on('data', () => {
    answers++;
    socket.write('y');
  });
  socket.write('y');
  const read = async (): Promise<void> => {
    while (messages < MESSAGES) {
      await readFile(new URL(import.meta.url));
      files++;
    }
  };
  void read();
}

const worker = new Worker(CLIENT, { eval: true, workerData: { ports, messages: MESSAGES, pauseMs: PAUSE_MS } });
await once(worker, 'online');
const loopsBefore = performance.nodeTiming.uvMetricsInfo.loopCount;
const utilization = performance.eventLoopUtilization();
const [received] = await once(worker, 'message');
const loops = performance.nodeTiming.uvMetricsInfo.loopCount - loopsBefore;
const busy = performance.eventLoopUtilization(utilization).utilization;
await worker.terminate();
console.log(
  JSON.stringify({
    received,
    messages,
    loops,
    busy,
    uncaught,
    wrongContexts,
    untilConnected,
    order,
    timers,
    files,
    answers,
  }),
);
await Promise.all([server.close(), ...others.map((other) => other.close())]);
