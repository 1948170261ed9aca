/** Clients of node:net: peers whose behaviour does not depend on the code under test. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { WAIT_MS } from './harness.js';
import { PeerClient } from './peer-client.js';

export type NodeClient = PeerClient<Socket>;

/** A socket that connects. It stays half open when the peer ends. */
export function openNode(where: number | string, host = '127.0.0.1'): Socket {
  return typeof where === 'string'
    ? connect({ path: where, allowHalfOpen: true })
    : connect({ port: where, host, allowHalfOpen: true });
}

/** A connected client. It stays half open when the peer ends, by default. */
export async function connectNode(where: number | string, host?: string): Promise<NodeClient> {
  const client = new PeerClient(openNode(where, host));
  await once(client.socket, 'connect', { signal: AbortSignal.timeout(WAIT_MS) });
  return client;
}

/** The `errno` of node:net for a refused connect: each system has its own numbers. */
export async function errnoOfRefusal(port: number): Promise<number | undefined> {
  const socket = connect({ port, host: '127.0.0.1' });
  const [error] = (await once(socket, 'error', { signal: AbortSignal.timeout(WAIT_MS) })) as [NodeJS.ErrnoException];
  assert.equal(error.code, 'ECONNREFUSED');
  return error.errno;
}
