/** What a test that fails leaves open. It is closed behind each test, or the process of the tests would never end. */

import type { Duplex } from 'node:stream';
import { Worker } from 'node:worker_threads';
import { CompletionPort, type CompletionPortOptions } from 'overlapped/port';

const ports = new Set<CompletionPort>();
const sockets = new Set<Duplex>();
const workers = new Set<Worker>();

/** A port that is closed behind the test, if it is not yet. */
export function createPort(options: CompletionPortOptions): CompletionPort {
  const port = CompletionPort.create(options);
  ports.add(port);
  return port;
}

/** Destroys a socket behind the test. */
export function keepSocket(socket: Duplex): void {
  sockets.add(socket);
}

/** A worker that is terminated behind the test. */
export function startWorker(path: string, workerData: unknown): Worker {
  const worker = new Worker(path, { workerData });
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
