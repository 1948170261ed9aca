/**
 * Workers with echo servers that are terminated while clients send to them without end. Arguments: options of the port
 * (JSON), how many. Meanwhile this thread allocates and checks memory, so that a write into freed memory shows.
 */

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { programPath } from '../child.js';
import { eventually, inTime, WAIT_MS } from '../harness.js';
import { connectNode, type NodeClient } from '../node-client.js';
import { stage } from '../standing.js';

const options = { bufferCount: 16, bufferSizeBytes: 4096, ...JSON.parse(process.argv[2] as string) };
const count = Number(process.argv[3]);
const CLIENTS = 8;
/** A client's writes in one iteration of the event loop: the echoes to the other clients are read in between. */
const BURST = 16;
const MESSAGE = Buffer.alloc(3000, 0xaa);
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

function flood({ socket }: NodeClient): void {
  const more = (): void => {
    let room = true;
    for (let writes = 0; room && writes < BURST && socket.writable; writes++) {
      room = socket.write(MESSAGE);
    }
    if (room && socket.writable) {
      setImmediate(more);
    }
  };
  socket.on('drain', more);
  more();
}

for (let round = 0; round < count; round++) {
  stage(`round ${round}: starting the worker`);
  const worker = new Worker(programPath('echo-worker'), { workerData: { options, mode: 'start' } });
  const [{ number }] = (await once(worker, 'message', { signal: AbortSignal.timeout(WAIT_MS) })) as [
    { number: number },
  ];
  stage(`round ${round}: connecting`);
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => connectNode(number)));
  stage(`round ${round}: flooding`);
  clients.forEach(flood);
  await eventually(() => clients.every((client) => client.bytes > 20_000), 'the flood is served');
  stage(`round ${round}: terminate()`);
  const start = performance.now();
  const terminated = worker.terminate();
  allocate();
  stage(`round ${round}: terminating`);
  await inTime(terminated, 'the end of the worker');
  tookMs.push(performance.now() - start);
  allocate();
  await new Promise((resolve) => setTimeout(resolve, 10));
  clients.forEach((client) => client.socket.destroy());
  check();
}
console.log(JSON.stringify({ tookMs }));
stage('exiting');
process.exit(0);
