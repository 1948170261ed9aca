/** What the echo server does on one thread and on many alike. */

import type { Buffer } from 'node:buffer';
import { setImmediate, setInterval } from '../../base/runtime.js';
import type { Connection } from '../../index.js';

/** While draining: time between two looks at the connections, in ms. */
const LOOK_MS = 100;

/**
 * While draining: a connection that was quiet for this long has nothing on its way, in ms. On a busy machine less would
 * pass before the peer has had its turn.
 */
const QUIET_MS = 1000;

/** Limits of its connections: no client is ever too slow. */
export const ECHO_OPTIONS = {
  ipv6Only: true,
  timeouts: {
    firstByteMs: 0,
    writeStallMs: 0,
    // Our side ends first only in a drain. The peer's end is given a moment: closing over unread data would be a reset.
    shutdownMs: QUIET_MS,
  },
} as const;

/** Sends back what came. A client that does not read is not read from either, until it does. */
export function echoBack(connection: Connection, chunk: Buffer): void {
  // What comes to a connection that the drain has ended cannot go back any more.
  if (connection.writable && !connection.write(chunk)) {
    connection.pause();
  }
}

/** Looks again and again. Where the event loop is late, what has come meanwhile is handled before the look. */
export function lookOften(look: () => void): NodeJS.Timeout {
  return setInterval(() => setImmediate(look), LOOK_MS);
}

/** Whether the drain may end a connection. */
export function isQuiet(connection: Connection): boolean {
  return connection.writable && connection.queuedBytes === 0 && connection.idleMs >= QUIET_MS;
}
