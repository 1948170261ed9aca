/**
 * A load generator for echo servers, lean enough to leave the server the bottleneck: ping-pong on each connection, on
 * a blocking completion port. `node dist/bench/load.js PORT CONNECTIONS SIZE_BYTES PIPELINE` prints `ready`, then the
 * count of messages so far whenever a line comes in on its standard input, and ends with it.
 */

import { parentPort, Worker, workerData } from 'node:worker_threads';
import { CompletionPort, type OverlappedSocket, postWakeUp } from 'overlapped';
import { LENGTH_BYTES } from './measuring.js';

const COUNT_WORDS = 2;

interface LoadData {
  readonly port: number;
  readonly connections: number;
  readonly sizeBytes: number;
  readonly pipeline: number;
  readonly counts: SharedArrayBuffer;
}

interface Client {
  received: number;
}

/** In a worker: connects, then sends `pipeline` messages and one more for each that returns, for ever. */
function drive(data: LoadData): void {
  const port = CompletionPort.create({ driver: 'auto', bufferSizeBytes: 65536, buffersMax: 1024 });
  const counts = new BigInt64Array(data.counts);
  const message = Buffer.alloc(data.sizeBytes, 'overlapped');
  if (data.sizeBytes > LENGTH_BYTES) {
    // A message of a server that frames; for the others four bytes like all.
    message.writeUInt32BE(data.sizeBytes - LENGTH_BYTES);
  }
  let connected = 0;
  let messages = 0;
  for (let index = 0; index < data.connections; index++) {
    const socket = port.createSocket('ipv4');
    socket.setOption('noDelay', 1);
    port.associate(socket, { received: 0 } satisfies Client);
    port.postConnect(socket, { family: 'ipv4', address: '127.0.0.1', port: data.port });
  }
  parentPort?.postMessage(port.wakeHandle);
  port.run((completion) => {
    const socket = completion.socket as OverlappedSocket;
    const client = completion.key as Client;
    if (completion.kind === 'wakeUp') {
      port.stop();
      return;
    }
    if (completion.code !== undefined) {
      throw completion.toError();
    }
    if (completion.kind === 'connect') {
      connected++;
      port.postReceive(socket);
      for (let index = 0; index < data.pipeline; index++) {
        port.postSend(socket, message);
      }
      if (connected === data.connections) {
        parentPort?.postMessage('ready');
      }
    } else if (completion.kind === 'receive') {
      client.received += completion.bytes;
      for (; client.received >= data.sizeBytes; client.received -= data.sizeBytes) {
        messages++;
        port.postSend(socket, message);
      }
      counts[0] = BigInt(messages);
      if (!completion.more) {
        port.postReceive(socket);
      }
    }
  });
  port.close();
}

function main(): void {
  const [port = 4567, connections = 50, sizeBytes = 64, pipeline = 1] = process.argv.slice(2).map(Number);
  const counts = new SharedArrayBuffer(8 * COUNT_WORDS);
  const data: LoadData = { port, connections, sizeBytes, pipeline, counts };
  const worker = new Worker(new URL(import.meta.url), { workerData: data });
  worker.on('message', (message) => {
    if (message === 'ready') {
      console.log('ready');
      return;
    }
    process.stdin.on('data', () => console.log(String(new BigInt64Array(counts)[0])));
    process.stdin.on('end', () => postWakeUp(message));
  });
}

if (workerData === null) {
  main();
} else {
  drive(workerData as LoadData);
}
