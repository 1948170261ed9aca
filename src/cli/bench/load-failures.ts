/** Failures of the load, each in one line. */

import { OperationError } from '../../index.js';
import { EXIT_FAILED, EXIT_USAGE, explain, Failure, type Remedies } from '../failure.js';

const CONNECT_REMEDIES: Remedies = {
  ECONNREFUSED: ['nothing listens there', 'start a server, such as overlapped echo'],
  ECONNRESET: ['the server reset the connection', 'see whether it takes that many --connections'],
  ENOENT: ['there is no such path', 'start a server, such as overlapped echo --path'],
  EAGAIN: ["the server's backlog is full", 'use fewer --connections'],
  EADDRNOTAVAIL: ['no local port is free', 'use fewer --connections, or wait a minute'],
  ETIMEDOUT: ['no answer came', 'check the address'],
  EHOSTUNREACH: ['no way leads to the host', 'check the address'],
  ENETUNREACH: ['no way leads to the network', 'check the address'],
  EMFILE: ['all descriptors of this process are in use', 'raise the limit (ulimit -n) or use fewer --connections'],
  ENAMETOOLONG: ["a Unix socket's path has at most 107 bytes", 'choose a shorter path'],
};

/** A socket that cannot be made, or a path that is none, is not the server's doing. */
const OURS: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'ENAMETOOLONG', 'EAFNOSUPPORT']);

/** Why a connection cannot be made. */
export function connectFailure(target: string, error: unknown): unknown {
  const ours = error instanceof OperationError && OURS.has(error.code);
  return explain(`cannot connect to ${target}`, error, CONNECT_REMEDIES, ours ? EXIT_USAGE : EXIT_FAILED);
}

const RESETS: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE']);

/** Why connection `index` cannot go on: an error with a code, or none where the server ended it. */
export function connectionFailure(index: number, received: number, code?: string): Failure {
  const what = code === undefined ? 'the server closed' : RESETS.has(code) ? 'the server reset' : 'cannot go on with';
  const why = code === undefined ? '' : ` (${code})`;
  const text = `${what} connection ${index} after ${received} bytes${why}; see what the server says of it`;
  return new Failure(text, EXIT_FAILED);
}

/** A byte that is not what was sent. */
export function wrongData(index: number, position: number, expected: number, found: number): Failure {
  return new Failure(
    `wrong data on connection ${index} at byte ${position}: expected ${expected}, got ${found}; the server does not echo what it is sent`,
    EXIT_FAILED,
  );
}
