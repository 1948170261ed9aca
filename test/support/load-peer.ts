/** A load of the benchmark, and a server in the test's process that it connects to. */

import { createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { LoadOrder } from '../../bench/load/order.js';
import { Child, type ChildResult } from './child.js';
import { listening } from './net-servers.js';

const LOAD = fileURLToPath(new URL('../../bench/load/main.js', import.meta.url));
const TIMEOUT_MS = 30_000;

/** Runs a load until it has measured or failed, at the longest until the test is over. */
export async function runLoad(t: TestContext, order: LoadOrder): Promise<ChildResult> {
  const child = new Child(LOAD, [], { timeoutMs: TIMEOUT_MS });
  t.after(() => child.kill());
  child.process.stdin?.end(`${JSON.stringify(order)}\n`);
  return child.ended;
}

/**
 * Serves each connection until the test is over.
 * @param serve gets the number of the connection too
 * @returns the port
 */
export async function peerOf(t: TestContext, serve: (socket: Socket, index: number) => void): Promise<number> {
  const sockets: Socket[] = [];
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    serve(socket, sockets.push(socket) - 1);
  });
  t.after(() => {
    server.close();
    for (const socket of sockets) {
      socket.destroy();
    }
  });
  return await listening(server);
}
