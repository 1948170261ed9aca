/** A worker that opens a port, closes it, and reports its driver, or why there was none. */

import { parentPort, workerData } from 'node:worker_threads';
import { CompletionPort, type CompletionPortOptions, OperationError } from 'overlapped/port';

function choose(): object {
  try {
    const port = CompletionPort.create(workerData as CompletionPortOptions);
    const { driver, skippedDrivers } = port;
    port.close();
    return { driver, skippedDrivers };
  } catch (error) {
    if (error instanceof OperationError) {
      return { code: error.code, message: error.message };
    }
    throw error;
  }
}

parentPort?.postMessage(choose());
