/**
 * A TCP proxy: `node dist/examples/proxy.js LISTEN_PORT HOST PORT`. Whatever one side sends goes to the other side from
 * the memory it came in. A side that does not read makes the other one wait, so the proxy holds little of either.
 */

import { type Connection, connect, formatAddress, type Handlers, listen, OperationError } from 'overlapped';

const [listenPort = '4567', host = '127.0.0.1', port = '80', driver = 'auto'] = process.argv.slice(2);

/** What belongs to each connection: the one on the other side, once there is one. */
interface Side {
  other: Connection<Side> | undefined;
  /** Gives up the connect to the other side. */
  readonly giveUp: AbortController;
}

/** Both sides do the same for each other. */
const relay: Handlers<Side> = {
  data(connection, chunk) {
    // The other side has enough to do: nothing more is taken from this one until it is done.
    if (connection.context.other?.write(chunk) === false) {
      connection.pause();
    }
  },

  // This side has been read from: the other one may go on.
  drain: (connection) => connection.context.other?.resume(),

  // One direction is over, the other may go on: each end is passed on by itself.
  end: (connection) => connection.context.other?.end(),

  close({ context: { other, giveUp } }, reason) {
    giveUp.abort();
    // Both directions ended in good order, or else the other side must learn that something is missing.
    if (reason !== 'finished') {
      other?.reset();
    }
  },

  // Without this the server would end our side of connections when it closes. Here the deadline ends what is left.
  serverClosing: () => undefined,
};

/** Half-open connections are normal in a proxy, for as long as anything comes. */
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
    // Nobody is there yet to take what the client sends.
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
