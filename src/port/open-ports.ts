/** The ports of this thread that are not closed, and what happens to them when the thread ends by itself. */

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
 * Closes all ports at the end of a worker: also after an error that nobody catches and after `process.exit()`. The process
 * goes on, so the system would keep the sockets, and it may write into memory that is freed next. The peers see a reset,
 * because an end would look like the whole of the stream. (At the end of the main thread the process ends, and the system closes its sockets.)
 */
function closePorts(): void {
  for (const port of [...ports]) {
    // A port that cannot be closed must not keep the others from it, and there is nobody left to report to.
    try {
      for (const socket of [...port.sockets]) {
        port.closeSocket(socket, { reset: true });
      }
      port.close();
    } catch {}
  }
}
