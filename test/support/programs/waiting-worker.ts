/** A worker that waits for completions with nothing to do. `mode`: in `run`, or in one long dequeue. */

import { parentPort, workerData } from 'node:worker_threads';
import { CompletionBatch, CompletionPort, type CompletionPortOptions } from 'overlapped/port';

const { options, mode } = workerData as { options: CompletionPortOptions; mode: 'run' | 'dequeue' };
const port = CompletionPort.create(options);
parentPort?.postMessage('waits');
if (mode === 'run') {
  port.run(() => undefined);
} else {
  port.getQueuedCompletions(new CompletionBatch(1), 600_000);
}
