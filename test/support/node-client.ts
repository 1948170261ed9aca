/** Clients and servers of node:net: peers whose behaviour does not depend on what is tested. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { WAIT_MS } from './harness.js';
import { keepSocket } from './leftovers.js';

/** A client of node:net and what it has seen. */
export class NodeClient {
  readonly socket: Socket;
  readonly #chunks: Buffer[] = [];
  bytes = 0;
  ended = false;
  closed = false;
  code: string | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    keepSocket(socket);
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.bytes += chunk.byteLength;
    });
    socket.on('end', () => {
      this.ended = true;
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.code = error.code;
    });
    socket.on('close', () => {
      this.closed = true;
    });
  }

  get data(): Buffer {
    return Buffer.concat(this.#chunks);
  }
}

/** A client that is connected. It stays half open when the peer ends, unless told. */
export async function connectNode(where: number | string, host = '127.0.0.1'): Promise<NodeClient> {
  const socket =
    typeof where === 'string'
      ? connect({ path: where, allowHalfOpen: true })
      : connect({ port: where, host, allowHalfOpen: true });
  const client = new NodeClient(socket);
  await once(socket, 'connect', { signal: AbortSignal.timeout(WAIT_MS) });
  return client;
}

/** What node:net has as `errno` when nobody listens: each system has its own numbers. */
export async function errnoOfRefusal(port: number): Promise<number | undefined> {
  const socket = connect({ port, host: '127.0.0.1' });
  const [error] = (await once(socket, 'error', { signal: AbortSignal.timeout(WAIT_MS) })) as [NodeJS.ErrnoException];
  assert.equal(error.code, 'ECONNREFUSED');
  return error.errno;
}

/** Whether a connect is refused. */
export async function isRefused(port: number, host = '127.0.0.1'): Promise<boolean> {
  const socket = connect({ port, host });
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(WAIT_MS) });
    return false;
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ECONNREFUSED');
    return true;
  } finally {
    socket.destroy();
  }
}
