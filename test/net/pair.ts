/** A server of `overlapped/net`, a client that is connected to it, and the server's side of that. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import type nodeNet from 'node:net';
import { test } from 'node:test';
import { connect, createServer } from 'overlapped/net';
import { system } from '../support/system.js';

const TEST_TIMEOUT_MS = 30_000 * system.patience;

export interface Pair {
  readonly server: nodeNet.Server;
  readonly client: nodeNet.Socket;
  readonly accepted: nodeNet.Socket;
}

/** The port that a server listens on. */
export function portOf(server: nodeNet.Server): number {
  const address = server.address();
  assert(typeof address === 'object' && address !== null);
  return address.port;
}

export async function listening(server: nodeNet.Server): Promise<nodeNet.Server> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

export async function pairOf(options: nodeNet.ServerOpts = {}): Promise<Pair> {
  const server = await listening(createServer(options));
  const client = connect(portOf(server), '127.0.0.1');
  const [[accepted]] = await Promise.all([once(server, 'connection'), once(client, 'connect')]);
  return { server, client, accepted };
}

/** Closes what a test has left open. */
export async function closed({ server, client, accepted }: Pair): Promise<void> {
  client.destroy();
  accepted.destroy();
  server.close();
  await once(server, 'close');
}

/** A test with a pair, which is closed after it. */
export function withPair(title: string, run: (pair: Pair) => Promise<void>, options: nodeNet.ServerOpts = {}): void {
  test(title, { timeout: TEST_TIMEOUT_MS }, async () => {
    const pair = await pairOf(options);
    try {
      await run(pair);
    } finally {
      await closed(pair);
    }
  });
}

/** A test without one. */
export function alone(title: string, run: () => Promise<void>): void {
  test(title, { timeout: TEST_TIMEOUT_MS }, run);
}

/** All bytes of a socket until its end. */
export async function bytesOf(socket: nodeNet.Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
