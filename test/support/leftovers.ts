/** Resources that a failing test leaves open. They are closed after each test, or the test process would never end. */

import type { Duplex } from 'node:stream';
import { Worker } from 'node:worker_threads';
import { CompletionPort, type CompletionPortOptions } from 'overlapped/port';
import { BUNDLED } from './child.js';

const ports = new Set<CompletionPort>();
const sockets = new Set<Duplex>();
const workers = new Set<Worker>();

/** A port that is closed after the test, unless the test closed it. */
export function createPort(options: CompletionPortOptions): CompletionPort {
  const port = CompletionPort.create(options);
  ports.add(port);
  return port;
}

/** Destroys a socket after the test. */
export function keepSocket(socket: Duplex): void {
  sockets.add(socket);
}

/** The options that load modules before this program: a worker takes few others of its process. */
function preloads(): string[] {
  const { execArgv } = process;
  return execArgv.filter((word, index) => /^--import\b/.test(word) || execArgv[index - 1] === '--import');
}

/** Terminates a worker after the test. */
export function startWorker(path: string, workerData: unknown): Worker {
  const worker = new Worker(path, { workerData, execArgv: [...preloads(), BUNDLED] });
  workers.add(worker);
  return worker;
}

export function closeLeftovers(): void {
  for (const worker of workers) {
    void worker.terminate();
  }
  workers.clear();
  for (const socket of sockets) {
    socket.destroy();
  }
  sockets.clear();
  // Forgotten before they are closed: one that cannot be closed fails its own test only.
  const open = [...ports];
  ports.clear();
  for (const port of open) {
    port.close();
  }
}
