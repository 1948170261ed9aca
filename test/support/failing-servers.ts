/** Servers for tests in which system calls fail. */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { type Engine, listen, type Server } from 'overlapped';

export const TIMEOUT = { timeout: 60_000 };

/** Open descriptors, and the memory of rings. */
export function descriptors(): number {
  const rings = readFileSync('/proc/self/maps', 'utf8').split('anon_inode:[io_uring]').length - 1;
  return readdirSync('/proc/self/fd').length + rings;
}

export function portOf({ address }: Server): number {
  assert(address.family !== 'unix');
  return address.port;
}

/** Echoes each chunk; `inPieces` writes it as two halves. */
export function echoServer(engine: Engine, onListenError: (error: Error) => void, inPieces = false): Promise<Server> {
  return listen({
    engine,
    host: '127.0.0.1',
    port: 0,
    data(connection, chunk) {
      const half = inPieces ? chunk.length >> 1 : chunk.length;
      connection.write(Buffer.from(chunk.subarray(0, half)));
      connection.write(Buffer.from(chunk.subarray(half)));
    },
    onListenError,
  });
}
