/** A worker that starts an echo server in a worker of its own, and passes on its messages. */

import { parentPort, Worker, workerData } from 'node:worker_threads';
import 'overlapped';
import { programPath } from '../child.js';

const worker = new Worker(programPath('echo-worker'), { workerData });
worker.on('message', (message) => parentPort?.postMessage(message));
