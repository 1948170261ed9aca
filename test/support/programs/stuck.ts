/** Blocks its thread for ever at a stage, while a worker is busy. */

import { Worker } from 'node:worker_threads';
import { stage } from '../standing.js';

const worker = new Worker('require("node:worker_threads").parentPort.postMessage("busy"); for (;;);', { eval: true });
worker.once('message', () => {
  stage('waiting for nothing');
  console.log('stuck');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
});
