/** A worker that opens ports on epoll, reports how many contexts of asynchronous I/O the process has then, and ends. */

import { parentPort } from 'node:worker_threads';
import { CompletionPort } from 'overlapped/port';
import { contextsOpen } from '../linux.js';

const ports = [1, 2, 3].map(() => CompletionPort.create({ driver: 'epoll' }));
const count = contextsOpen();
ports.forEach((port) => {
  port.close();
});
parentPort?.postMessage(count);
