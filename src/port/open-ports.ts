/** The ports of this thread that are not closed, and how they are closed when the thread ends. */

import { isMainThread } from 'node:worker_threads';
import { process } from '../base/runtime.js';
import type { OverlappedSocket } from './socket.js';

export interface OpenPort {
  /** Sockets that are not closed. */
  readonly sockets: Iterable<OverlappedSocket>;
  closeSocket(socket: OverlappedSocket, options?: { readonly reset?: boolean }): void;
  close(): void;
}

/** The kernel may touch the memory of these ports, so they must not be collected. */
const ports = new Set<OpenPort>();

let closesAtExit = false;

export function portOpened(port: OpenPort): void {
  ports.add(port);
  if (!isMainThread && !closesAtExit) {
    closesAtExit = true;
    process.on('exit', closePorts);
  }
}

export function portClosed(port: OpenPort): void {
  ports.delete(port);
}

/**
 * Closes all ports at the end of a worker, including after an uncaught exception and after `process.exit()`. The process
 * continues, so the system would keep the sockets open, and could write into memory that is freed next. The peers see a
 * reset, because an end of the stream would tell them that they have received all of it. (When the main thread ends the
 * process ends, and the system closes its sockets.)
 */
function closePorts(): void {
  for (const port of [...ports]) {
    // A port that cannot be closed must not prevent the others from closing, and nothing is left that could report the error.
    try {
      for (const socket of [...port.sockets]) {
        port.closeSocket(socket, { reset: true });
      }
      port.close();
    } catch {}
  }
}
