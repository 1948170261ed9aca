/** The worker of a BlockingThread: makes one foreign call at a time, with parameters and result in shared memory. */

import { workerData } from 'node:worker_threads';
import { type BlockingThreadData, CLOSED, COUNT, ENDED, RESULT, STARTED } from './blocking-memory.js';

const { call, memory, port } = workerData as BlockingThreadData;
const { words, parameters } = memory;

// A thread that was closed in the meantime does not load koffi.
if (Atomics.load(words, STARTED) !== CLOSED) {
  const { declareBlockingCall } = await import('../../ffi/blocking-calls.js');
  const make = declareBlockingCall(call);
  port.postMessage(undefined);
  for (let started = 0; ; ) {
    Atomics.wait(words, STARTED, started);
    started = Atomics.load(words, STARTED);
    if (started === CLOSED) {
      break;
    }
    words[RESULT] = make(...parameters.subarray(0, words[COUNT]));
    Atomics.store(words, ENDED, started);
    Atomics.notify(words, ENDED);
    port.postMessage(undefined);
  }
}
port.close();
