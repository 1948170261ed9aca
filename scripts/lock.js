/**
 * Locks among processes. A lock is the name of an abstract Unix socket: the kernel frees it with its process, however that
 * ended, so no lock is ever stale. `flock` would need a process beside the one that holds the lock.
 */

import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { keyOf } from './stamp.js';

const INTERVAL_MS = 500;

/**
 * Waits until no other process holds the lock of a path, and takes it. Calls `onWait` once if it has to wait. Returns the
 * function that releases the lock.
 * @param {string} path
 * @param {() => void} onWait
 */
export async function takeLock(path, onWait) {
  const name = `\0overlapped-wine-${keyOf([path]).slice(0, 32)}`;
  for (let attempts = 0; ; attempts += 1) {
    const server = createServer();
    try {
      await once(server.listen(name), 'listening');
      server.unref();
      return () => void server.close();
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EADDRINUSE') {
        throw error;
      }
    }
    if (attempts === 0) {
      onWait();
    }
    await sleep(INTERVAL_MS);
  }
}
