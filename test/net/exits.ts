/** Written bytes leave although the process, or the thread, ends at once: as with node:net, where the system has them by then. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { SystemDriverName } from 'overlapped/port';
import { Child, programPath } from '../support/child.js';
import { alone, bytesOf, listening, portOf } from './pair.js';

/** Bytes that a server receives from the program that ends in that way; an error unless its stream ends. */
async function receivedFrom(driver: SystemDriverName, way: string): Promise<string> {
  const server = await listening(createServer());
  const child = new Child(programPath('net-exits'), [driver, way, String(portOf(server))]);
  try {
    const [socket] = await once(server, 'connection');
    return String(await bytesOf(socket));
  } finally {
    child.process.stdin?.end();
    await child.ended;
    server.close();
  }
}

export function exits(driver: SystemDriverName): void {
  const WAYS = {
    exits: 'process.exit() follows a write',
    throws: 'an uncaught exception follows a write',
    destroys: 'destroy() and process.exit() follow a write',
    listener: "listeners of the process's exit write",
    worker: 'process.exit() ends a worker, whose sockets end without a reset',
  };
  for (const [way, title] of Object.entries(WAYS)) {
    alone(title, async () =>
      assert.equal(await receivedFrom(driver, way), `last words${way === 'listener' ? '!' : ''}`),
    );
  }
  alone('process.exit() follows a second write', async () => {
    assert.equal(await receivedFrom(driver, 'again'), 'last last words');
  });
}
