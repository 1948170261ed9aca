/**
 * A TCP proxy: `node dist/examples/proxy.js LISTEN_PORT HOST PORT`. Bytes from one side are sent to
 * the other from the buffer that received them. If one side does not read, the other is paused, so the proxy holds little data.
 */

import {
  type Connection,
  connect,
  type DriverChoice,
  formatAddress,
  type Handlers,
  listen,
  OperationError,
} from 'overlapped';

const [listenPort = '4567', host = '127.0.0.1', port = '80', driverName = 'auto'] = process.argv.slice(2);
const driver = driverName as DriverChoice;

/** The state of a connection: the connection to the other side, once it exists. */
interface Side {
  other: Connection<Side> | undefined;
  /** Aborts the connect to the other side. */
  readonly giveUp: AbortController;
}

/** The handlers of both sides. */
const relay: Handlers<Side> = {
  data(connection, chunk) {
    // Much data waits for the other side: stop reading from this one until it has caught up.
    if (connection.context.other?.write(chunk) === false) {
      connection.pause();
    }
  },

  // This side has caught up: continue reading from the other one.
  drain: (connection) => connection.context.other?.resume(),

  // One direction has ended and the other may continue: pass on each end by itself.
  end: (connection) => connection.context.other?.end(),

  close({ context: { other, giveUp } }, reason) {
    giveUp.abort();
    // Unless both directions ended normally, the other side must see that data is missing.
    if (reason !== 'finished') {
      other?.reset();
    }
  },

  // Without this handler the server would end its connections when it closes. Here the deadline ends those that are left.
  serverClosing: () => undefined,
};

/** Half-open connections are normal in a proxy, as long as data arrives. */
const TIMEOUTS = { halfClosedMs: 0, shutdownMs: 0, idleMs: 300_000 };

const server = await listen<Side>({
  host: '127.0.0.1',
  port: Number(listenPort),
  driver,
  allowHalfOpen: true,
  timeouts: TIMEOUTS,
  ...relay,

  async open(client) {
    const giveUp = new AbortController();
    client.context = { other: undefined, giveUp };
    // The other side is not connected yet: do not read from the client.
    client.pause();
    try {
      client.context.other = await connect<Side>({
        host,
        port: Number(port),
        driver,
        allowHalfOpen: true,
        timeouts: { ...TIMEOUTS, connectMs: 10_000 },
        ...relay,
        context: { other: client, giveUp },
        signal: giveUp.signal,
      });
      client.resume();
    } catch (error) {
      if (error instanceof OperationError) {
        console.log(`cannot reach ${host}:${port}: ${error.code}`);
      }
      client.reset();
    }
  },
});
console.log(`listening on ${formatAddress(server.address)}`);

process.once('SIGTERM', () => void server.close({ deadlineMs: 5000 }));
