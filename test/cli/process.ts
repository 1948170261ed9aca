/** The command line in a child process, and clients to talk to its servers. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Child, type ChildOptions, type ChildResult } from '../support/child.js';
import { lackOf } from '../support/system.js';

export const BIN = fileURLToPath(new URL('../../../bin/overlapped.js', import.meta.url));

/** The longest that a command may take, and the longest that a server serves several of them. */
const COMMAND_TIMEOUT_MS = 30_000;
const SERVER_TIMEOUT_MS = 280_000;

const children = new Set<Child>();

after(() => {
  for (const child of children) {
    child.kill();
  }
});

export function startCli(parameters: readonly string[], options: ChildOptions = {}): Child {
  const child = new Child(BIN, parameters, { timeoutMs: COMMAND_TIMEOUT_MS, ...options });
  children.add(child);
  void child.ended.finally(() => children.delete(child)).catch(() => undefined);
  return child;
}

export async function runCli(parameters: readonly string[]): Promise<ChildResult> {
  return startCli(parameters).ended;
}

export interface RunningEcho {
  readonly child: Child;
  readonly port: number;
  /** Ends the server by a signal and returns its output. It must exit with 0 if the system has signals. */
  stop(signal?: NodeJS.Signals): Promise<string>;
}

/** An echo server on a free port. */
export async function startEcho(driver: string, ...parameters: readonly string[]): Promise<RunningEcho> {
  const words = ['echo', '--host', '127.0.0.1', '--port', '0', '--driver', driver, ...parameters];
  const child = startCli(words, { timeoutMs: SERVER_TIMEOUT_MS });
  const match = await child.says(/listening on 127\.0\.0\.1:(\d+) \((\w+)\)\n|"port":(\d+)/);
  const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<string> => {
    child.process.kill(signal);
    const { exitCode, stdout, stderr } = await child.ended;
    assert.deepEqual({ exitCode, stderr }, { exitCode: lackOf('signals') === false ? 0 : null, stderr: '' });
    return stdout;
  };
  return { child, port: Number(match[1] ?? match[3]), stop };
}

/** A connected client that keeps its reading side when its writing side ends. */
export async function connectClient(where: NetConnectOpts): Promise<Socket> {
  const socket = connect({ ...where, allowHalfOpen: true });
  await once(socket, 'connect');
  return socket;
}

/** All bytes until the end of the stream. */
export async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) {
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

/** Sends, ends its side, and returns the answer. */
export async function roundTrip(where: NetConnectOpts, data: Uint8Array): Promise<Buffer> {
  const socket = await connectClient(where);
  socket.end(data);
  return readAll(socket);
}

/** Resolves when no server listens at `port` any more. */
export async function refused(port: number): Promise<void> {
  for (;;) {
    const socket = connect({ host: '127.0.0.1', port });
    const gone = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(false));
      socket.once('error', () => resolve(true));
    });
    socket.destroy();
    if (gone) {
      return;
    }
  }
}
