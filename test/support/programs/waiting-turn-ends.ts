/**
 * A server in turns that wait, and a client in a worker that connects again and again: it sends one message, and the handler
 * answers and ends the connection. Argument: options of the engine (JSON). Prints the medians, in ms, of how long the end came
 * after the answer, and of how long a tick waited that the handler `close` had queued after a promise had destroyed a paused
 * connection; and how many messages came until an immediate without a reference ran.
 */

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { type Connection, Engine, type EngineOptions, listen } from 'overlapped';

const CLIENT = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { connect } = require('node:net');
  const paused = () => connect(workerData.port, '127.0.0.1').on('error', () => {}).on('close', paused).write('paused');
  paused();
  const delays = [];
  const next = () => {
    const socket = connect(workerData.port, '127.0.0.1');
    let answered;
    socket.on('connect', () => setTimeout(() => socket.write('x'), 5));
    socket.on('data', () => { answered = performance.now(); });
    socket.on('end', () => { delays.push(performance.now() - answered); });
    socket.on('close', () => (delays.length < workerData.rounds ? next() : parentPort.postMessage(delays)));
  };
  next();
`;

const ROUNDS = 40;

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? -1;

const engine = new Engine(JSON.parse(process.argv[2] ?? '{}') as EngineOptions);
const ticks: number[] = [];
let messages = 0;
let untilImmediate = -1;
let idle: Connection | undefined;

const server = await listen({
  engine,
  host: '127.0.0.1',
  port: 0,
  data(connection, chunk) {
    if (chunk.byteLength > 1) {
      connection.pause();
      idle = connection;
      return;
    }
    messages++;
    if (messages === ROUNDS / 4) {
      const asked = messages;
      setImmediate(() => {
        untilImmediate = messages - asked;
      }).unref();
    }
    connection.write('ab');
    connection.end();
    const victim = idle;
    idle = undefined;
    void Promise.resolve().then(() => victim?.destroy());
  },
  close(_, reason) {
    if (reason === 'destroyed') {
      const closed = performance.now();
      process.nextTick(() => ticks.push(performance.now() - closed));
    }
  },
});
const { port } = server.address as { port: number };
const worker = new Worker(CLIENT, { eval: true, workerData: { port, rounds: ROUNDS } });
const [delays] = (await once(worker, 'message')) as [number[]];
await worker.terminate();
console.log(JSON.stringify({ end: median(delays), tick: median(ticks), ticks: ticks.length, untilImmediate }));
await server.close();
