/** The echo server's handlers, as each of its threads loads them. */

import type { Connection, ThreadModule } from '../../index.js';
import { echoBack, isQuiet, lookOften } from './rules.js';

/** Connections that are to end when they are quiet. */
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
  // Not at once: what is on its way is echoed first.
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
