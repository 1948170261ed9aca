/** Errors of a worker whose file a bundler has left out or cannot name. test/package/consumer.test.ts makes such a bundle. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { startWorker, workerError } from '../../src/threads/worker-file.js';

test('a file without a URL, as in a CommonJS bundle, is an error that names the entry', () => {
  assert.throws(() => startWorker(() => new Worker(new URL('./overlapped-worker.js', undefined))), {
    code: 'ERR_WORKER_FILE_MISSING',
    message: /this bundle is no ES module.*overlapped\/worker must be an entry/,
  });
});

test('another error of a worker stays as it is', () => {
  const error = new Error("Cannot find module '/srv/handlers.js'");
  assert.equal(workerError(error), error);
  assert.throws(() => startWorker(() => new Worker('relative.js')), { code: 'ERR_WORKER_PATH' });
});
