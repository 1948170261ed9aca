/** The handlers of the echo server, for each of its threads. */

import type { Connection, ThreadModule } from '../../index.js';
import { echoBack, isQuiet, lookOften } from './rules.js';

/** Connections that will be ended once they are quiet. */
const draining = new Set<Connection>();

function endQuiet(): void {
  for (const connection of draining) {
    if (isQuiet(connection)) {
      draining.delete(connection);
      connection.end();
    }
  }
}

const handlers: ThreadModule = {
  data: echoBack,
  drain: (connection) => connection.resume(),
  // Not at once: bytes on their way are echoed first.
  serverClosing: (connection) => {
    if (draining.size === 0) {
      lookOften(endQuiet);
    }
    draining.add(connection);
  },
  close: (connection) => {
    draining.delete(connection);
  },
};

export default handlers;
