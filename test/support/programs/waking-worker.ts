/** A worker that posts wake-ups to a port of another thread. */

import { workerData } from 'node:worker_threads';
import { postWakeUp, type WakeHandle } from 'overlapped/port';

const { handle, shared, wakeUps } = workerData as { handle: WakeHandle; shared: Int32Array; wakeUps: number };
Atomics.add(shared, 0, 1);
for (let index = 0; index < wakeUps; index++) {
  postWakeUp(handle);
}
