/**
 * Ports that live while libuv's pool, of one thread, does something else until this program's input ends. Arguments:
 * options of the ports (JSON), and whether the pool is taken before they were parked for the first time, or after their
 * way into the event loop has settled.
 */

import assert from 'node:assert/strict';
import { createHook } from 'node:async_hooks';
import { read, stat } from 'node:fs';
import { setImmediate as nextIteration } from 'node:timers/promises';
import { eventually } from '../harness.js';
import { LoopEcho } from '../loop-echo.js';
import { connectNode } from '../node-client.js';

/** More than the pool has threads. */
const PORTS = 3;

/** The names under which foreign calls would wait on the pool. */
const WAITS: ReadonlySet<string> = new Set(['GetQueuedCompletionStatusEx', 'poll', 'select']);

const options = JSON.parse(process.argv[2] as string);
const settlesFirst = process.argv[3] === 'settled';

const waitsOnPool: string[] = [];
createHook({
  init(_, type) {
    if (WAITS.has(type)) {
      waitsOnPool.push(type);
    }
  },
}).enable();

/** Ports poll by a timer, or at each iteration of the loop, until their wake-up is ready. */
async function settled(): Promise<void> {
  for (let quiet = 0; quiet < 100; quiet++) {
    await nextIteration();
    if (process.getActiveResourcesInfo().some((type) => type === 'Timeout' || type === 'Immediate')) {
      quiet = 0;
    }
  }
}

assert.equal(process.env.UV_THREADPOOL_SIZE, '1');
const echoes = Array.from({ length: PORTS }, () => new LoopEcho(options));
const clients = await Promise.all(echoes.map((echo) => connectNode(echo.number)));
if (settlesFirst) {
  echoes.forEach((echo) => echo.start());
  await settled();
}

let isReleased = false;
read(0, Buffer.alloc(1), 0, 1, null, () => {
  isReleased = true;
});
if (!settlesFirst) {
  echoes.forEach((echo) => echo.start());
}
for (let round = 1; round <= 20; round++) {
  for (const client of clients) {
    client.socket.write('ping');
    await eventually(() => client.bytes === 4 * round, `echo ${round}`);
  }
}
assert.equal(isReleased, false);
console.log('answered');

// The pool is free again, but for what these ports would do with it.
await new Promise<void>((done) => {
  stat('.', () => done());
});
assert.equal(isReleased, true);
assert.deepEqual(waitsOnPool, []);
clients.forEach((client) => client.socket.destroy());
echoes.forEach((echo) => echo.port.close());
console.log('ended');
