/** Turns among processes that must not do the same at one time. */

import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { keyOf } from './stamp.js';

const INTERVAL_MS = 500;

/**
 * Waits until no other process has the turn at a path, calling `waits` once when it has to, and returns what gives the
 * turn back. The end of this process gives it back too: an abstract socket's name is free as soon as its process is gone,
 * however that ended.
 */
export async function takeTurn(path, waits) {
  const name = `\0overlapped-wine-${keyOf([path]).slice(0, 32)}`;
  for (let told = false; ; told = true) {
    const server = createServer();
    try {
      await once(server.listen(name), 'listening');
      server.unref();
      return () => server.close();
    } catch (error) {
      if (error.code !== 'EADDRINUSE') {
        throw error;
      }
    }
    if (!told) {
      waits();
    }
    await sleep(INTERVAL_MS);
  }
}
