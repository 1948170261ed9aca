/** The echo server of the command line: what comes in goes out again, straight from the buffer it came in. */

import { clearInterval } from '../../base/runtime.js';
import { type Engine, listen, type Server, type SocketAddress } from '../../index.js';
import { endpointOf } from '../target.js';
import type { Activity, Totals } from './activity.js';
import { ECHO_OPTIONS, echoBack, isQuiet, lookOften } from './rules.js';

/**
 * Listens.
 * @param onFailure told what keeps the server from accepting
 * @throws OperationError what keeps it from listening
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
    // Not at once: what is on its way is echoed first.
    serverClosing: () => undefined,
    close: (connection) => activity.closed(connection),
  });
}

export function totalsOf(server: Server): Totals {
  const { connections, messagesRead, bytesRead } = server.statistics();
  return { opened: connections.opened, closed: connections.closed, messages: messagesRead, bytes: bytesRead };
}

/**
 * Stops listening, echoes what is on its way, and ends each connection when it is quiet.
 * @param timeoutMs after which the connections that are left are reset
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
