/** Handlers that threads load: an echo that waits before it writes each chunk back. */

import assert from 'node:assert/strict';
import { setImmediate as nextIteration } from 'node:timers/promises';
import type { Connection, Handlers } from 'overlapped';

const atWork = new Set<Connection>();

const handlers: Handlers = {
  async data(connection, chunk) {
    assert(!atWork.has(connection), 'two calls for one connection');
    atWork.add(connection);
    await nextIteration();
    await nextIteration();
    connection.write(chunk);
    atWork.delete(connection);
  },
};

export default handlers;
