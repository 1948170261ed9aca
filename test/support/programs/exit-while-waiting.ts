/** Calls `process.exit` while a worker waits for completions. Arguments: options of the port (JSON), the worker's mode. */

import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { programPath } from '../child.js';

const [options = '{}', mode] = process.argv.slice(2);
const worker = new Worker(programPath('waiting-worker'), {
  workerData: { options: JSON.parse(options), mode },
});
await once(worker, 'message');
// Time to enter the system call: earlier the process would exit in any case.
await sleep(50);
process.exit(7);
