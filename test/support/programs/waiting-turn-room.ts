/**
 * A server in turns that wait, whose small answers find no room: a client in a worker sends some requests, one by one, and
 * reads nothing before it has sent them. Argument: options of the engine (JSON). Prints for each number of requests how
 * long the client read until it had all answers, in ms; the shorter time of ROUNDS.
 */

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Engine, type EngineOptions, listen } from 'overlapped';

/** As many answers as fill both sockets' buffers are among these numbers. */
const REQUESTS_LEAST = 36;
const REQUESTS_MOST = 60;
const ROUNDS = 2;
const ANSWER_BYTES = 4096;

const CLIENT = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { connect } = require('node:net');
  const { port, least, most, rounds, answerBytes } = workerData;
  const pass = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  async function readAll(requests) {
    const socket = connect(port, '127.0.0.1');
    socket.setNoDelay(true);
    await new Promise((resolve) => socket.on('connect', resolve));
    for (let sent = 0; sent < requests; sent++) {
      socket.write('x');
      await pass(1);
    }
    await pass(3);
    const began = performance.now();
    let left = requests * answerBytes;
    await new Promise((resolve) => socket.on('data', (chunk) => (left -= chunk.length) === 0 && resolve()));
    socket.destroy();
    return performance.now() - began;
  }
  (async () => {
    const times = [];
    for (let requests = least; requests <= most; requests++) {
      let shortest = Infinity;
      for (let round = 0; round < rounds; round++) shortest = Math.min(shortest, await readAll(requests));
      times.push(shortest);
    }
    parentPort.postMessage(times);
  })();
`;

const engine = new Engine(JSON.parse(process.argv[2] ?? '{}') as EngineOptions);
const answer = Buffer.alloc(ANSWER_BYTES);
const server = await listen({
  engine,
  host: '127.0.0.1',
  port: 0,
  sendBufferBytes: 4096,
  data(connection, chunk) {
    for (const _ of chunk) {
      connection.write(answer);
    }
  },
});
const workerData = {
  port: server.port,
  least: REQUESTS_LEAST,
  most: REQUESTS_MOST,
  rounds: ROUNDS,
  answerBytes: ANSWER_BYTES,
};
const worker = new Worker(CLIENT, { eval: true, workerData });
const [times] = (await once(worker, 'message')) as [number[]];
await worker.terminate();
console.log(JSON.stringify(times));
await server.close();
