/** A worker that sends a large payload of equal bytes to each connection, whether it reads or not. */

import { parentPort, workerData } from 'node:worker_threads';
import { listen } from 'overlapped';
import type { CompletionPortOptions } from 'overlapped/port';

/** More than the buffers of both sockets take. */
const PAYLOADS = 8;

const { options, byte } = workerData as { options: CompletionPortOptions; byte: number };
const payload = Buffer.alloc(2 ** 20, byte);
const server = await listen({
  ...options,
  host: '127.0.0.1',
  port: 0,
  open(connection) {
    for (let count = 0; count < PAYLOADS; count++) {
      connection.write(payload);
    }
  },
  data: () => undefined,
});
parentPort?.postMessage({ number: server.port });
