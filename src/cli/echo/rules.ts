/** Rules of the echo server, on one thread and on several. */

import type { Buffer } from 'node:buffer';
import { setImmediate, setInterval } from '../../base/runtime.js';
import type { Connection } from '../../index.js';

/** While draining: the time between two checks of the connections, in ms. */
const LOOK_MS = 100;

/**
 * While draining: a connection that was quiet for this long has no bytes on their way, in ms. On a busy machine a peer
 * may need longer than a fraction of a second to continue.
 */
const QUIET_MS = 1000;

/** Options of the server: no client is too slow for it. */
export const ECHO_OPTIONS = {
  ipv6Only: true,
  timeouts: {
    firstByteMs: 0,
    writeStallMs: 0,
    // Our side ends first only in a drain. Wait a moment for the peer's end: closing with unread data would be a reset.
    shutdownMs: QUIET_MS,
  },
} as const;

/** Sends a chunk back. Pauses a client that does not read, until it does. */
export function echoBack(connection: Connection, chunk: Buffer): void {
  // The drain has ended our side: bytes that arrive now cannot be sent back.
  if (connection.writable && !connection.write(chunk)) {
    connection.pause();
  }
}

/** Calls `look` at intervals, each time after the event loop has handled the received bytes. */
export function lookOften(look: () => void): NodeJS.Timeout {
  return setInterval(() => setImmediate(look), LOOK_MS);
}

/** Whether the drain may end a connection. */
export function isQuiet(connection: Connection): boolean {
  return connection.writable && connection.queuedBytes === 0 && connection.idleMs >= QUIET_MS;
}
