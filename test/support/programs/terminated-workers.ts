/**
 * Workers with echo servers that are terminated while clients send to them without end. Arguments: options of the port
 * (JSON), how many. Meanwhile this thread allocates and checks memory, so that a write into freed memory shows.
 */

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { programPath } from '../child.js';
import { eventually } from '../harness.js';
import { connectNode, type NodeClient } from '../node-client.js';

const options = { bufferCount: 16, bufferSizeBytes: 4096, ...JSON.parse(process.argv[2] as string) };
const count = Number(process.argv[3]);
const CLIENTS = 8;
const tookMs: number[] = [];

/** Blocks like those of a port's pool, which must stay unchanged. */
const blocks: Buffer[] = [];
const BLOCK_BYTES_MAX = 32 * 4096;
const asTheyWere = Buffer.alloc(BLOCK_BYTES_MAX, 0x55);

function allocate(): void {
  for (let index = 0; index < 64; index++) {
    blocks.push(Buffer.alloc(4096 * (1 + (index % 32)), 0x55));
  }
}

function check(): void {
  for (const block of blocks) {
    if (!block.equals(asTheyWere.subarray(0, block.byteLength))) {
      throw new Error("Memory that is not the port's was written");
    }
  }
  blocks.length = 0;
}

function flood(client: NodeClient): void {
  const { socket } = client;
  const more = (): void => {
    let room = true;
    while (room && !socket.destroyed && socket.writable) {
      room = socket.write(Buffer.alloc(3000, 0xaa));
    }
  };
  socket.on('drain', more);
  more();
}

for (let round = 0; round < count; round++) {
  const worker = new Worker(programPath('echo-worker'), { workerData: { options, mode: 'start' } });
  const [{ number }] = (await once(worker, 'message')) as [{ number: number }];
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => connectNode(number)));
  clients.forEach(flood);
  await eventually(() => clients.every((client) => client.bytes > 20_000), 'the flood is served');
  const start = performance.now();
  const terminated = worker.terminate();
  allocate();
  await terminated;
  tookMs.push(performance.now() - start);
  allocate();
  await new Promise((resolve) => setTimeout(resolve, 10));
  clients.forEach((client) => client.socket.destroy());
  check();
}
console.log(JSON.stringify({ tookMs }));
process.exit(0);
