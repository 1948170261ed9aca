/** The echo server on one thread. It sends each chunk from the buffer in which it was received. */

import { clearInterval } from '../../base/runtime.js';
import { type Engine, listen, type Server, type SocketAddress } from '../../index.js';
import { endpointOf } from '../target.js';
import type { Activity, Totals } from './activity.js';
import { ECHO_OPTIONS, echoBack, isQuiet, lookOften } from './rules.js';

/**
 * Starts the server.
 * @param onFailure called with the error if the server cannot accept any more
 * @throws OperationError if it cannot listen
 */
export function listenForEcho(
  engine: Engine,
  address: SocketAddress,
  activity: Activity,
  onFailure: (error: Error) => void,
): Promise<Server> {
  return listen({
    engine,
    ...endpointOf(address),
    ...ECHO_OPTIONS,
    onListenError: onFailure,
    open: (connection) => activity.opened(connection),
    data: (connection, chunk) => {
      if (!activity.lineDue) {
        activity.happened();
      }
      echoBack(connection, chunk);
    },
    drain: (connection) => connection.resume(),
    end: (connection) => activity.ending(connection),
    // Without a handler the connection would end at once. `drain` ends it, after bytes on their way.
    serverClosing: () => undefined,
    close: (connection) => activity.closed(connection),
  });
}

export function totalsOf(server: Server): Totals {
  const { connections, messagesRead, bytesRead } = server.statistics();
  return { opened: connections.opened, closed: connections.closed, messages: messagesRead, bytes: bytesRead };
}

/**
 * Stops listening, echoes bytes on their way, and ends each connection once it is quiet.
 * @param timeoutMs resets the remaining connections after this time
 */
export async function drain(server: Server, activity: Activity, timeoutMs: number): Promise<void> {
  const closed = server.close({ deadlineMs: timeoutMs });
  const endQuiet = (): void => {
    for (const connection of server.connections()) {
      if (isQuiet(connection)) {
        activity.ending(connection);
        connection.end();
      }
    }
  };
  endQuiet();
  const timer = lookOften(endQuiet);
  await closed;
  clearInterval(timer);
}
