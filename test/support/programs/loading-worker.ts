/** A worker that reports that it begins to load the library. */

import { workerData } from 'node:worker_threads';

Atomics.store(workerData as Int32Array, 0, 1);
const { CompletionPort } = await import('overlapped/port');
CompletionPort.create({ bufferCount: 16 }).close();
