/** A worker that posts wake-ups to a port of another thread. */

import { workerData } from 'node:worker_threads';
import { CompletionPort, type DriverChoice, postWakeUp, type WakeHandle } from 'overlapped/port';

interface Data {
  readonly handle: WakeHandle;
  readonly shared: Int32Array;
  readonly wakeUps: number;
  /** The driver of a port of its own; without one the worker has no port. */
  readonly driver?: DriverChoice;
}

const { handle, shared, wakeUps, driver } = workerData as Data;
const port = driver === undefined ? undefined : CompletionPort.create({ driver });
Atomics.add(shared, 0, 1);
for (let index = 0; index < wakeUps; index++) {
  postWakeUp(handle);
}
port?.close();
