/** One thread of the load; `load-threads.ts` starts it. */

import { parentPort, workerData } from 'node:worker_threads';
import { setInterval } from '../../base/runtime.js';
import { openEngine } from '../engine.js';
import { Load } from './load.js';
import {
  answerOf,
  BYTES_CHECKED,
  CONNECTED,
  IN_FLIGHT,
  type LoadAnswer,
  type LoadOrder,
  type LoadThreadData,
  MESSAGES,
} from './load-protocol.js';

/** Time between two looks at this thread's counts, in ms: what is measured is known to so much. */
const COUNT_MS = 5;

const data = workerData as LoadThreadData;
const counts = new Float64Array(data.counts);

function post(answer: LoadAnswer): void {
  parentPort?.postMessage(answer);
}

function count(load: Load): void {
  counts[CONNECTED] = load.connected;
  counts[MESSAGES] = load.messages;
  counts[IN_FLIGHT] = load.inFlight;
  counts[BYTES_CHECKED] = load.bytesChecked;
}

async function handleOrder(load: Load, order: LoadOrder): Promise<void> {
  switch (order) {
    case 'connect':
      await load.connect();
      count(load);
      post({ kind: 'connected' });
      return;
    case 'send':
      load.send();
      return;
    case 'measure':
      load.measure();
      return;
    case 'finish':
      await load.finish();
      count(load);
      post({ kind: 'returned', latency: load.latency });
  }
}

try {
  const engine = openEngine(data.engine);
  post({ kind: 'loaded' });
  const load = new Load(engine, data.load);
  load.failed.catch((error: unknown) => post(answerOf(error)));
  setInterval(() => count(load), COUNT_MS);
  parentPort?.on('message', (order: LoadOrder) => void handleOrder(load, order));
} catch (error) {
  post({ kind: 'loaded' });
  post(answerOf(error));
}
