/** Starting a worker from its file: a bundler leaves that file out unless it is an entry of its own. */

import type { Worker } from 'node:worker_threads';
import { OperationError } from '../base/errors.js';

/** Node's message for a worker whose own file does not exist. */
const MISSING = /^Cannot find module '[^']*overlapped-worker\.js'/;

/** Calls what starts a worker. @throws OperationError `ERR_WORKER_FILE_MISSING` where a file has no URL: in a bundle of CommonJS */
export function startWorker(start: () => Worker): Worker {
  try {
    return start();
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'ERR_INVALID_URL' ? missing('this bundle is no ES module') : error;
  }
}

/** The error of a worker, or what to do about it where its file is missing. */
export function workerError(error: Error): Error {
  return MISSING.test(error.message) ? missing(error.message.split('\n')[0] as string) : error;
}

function missing(reason: string): OperationError {
  return new OperationError({
    code: 'ERR_WORKER_FILE_MISSING',
    reason: `Cannot find the file of the worker threads: ${reason}; in a bundle, overlapped/worker must be an entry of its own, with the output overlapped-worker.js beside the others, in ES modules (docs/deployment.md, Bundlers)`,
    syscall: 'thread',
  });
}
