/**
 * A client that reconnects: `node dist/examples/reconnect.js HOST PORT`. When its connection ends or fails, it waits and
 * tries again, longer each time, so that not all clients of a restarted server connect at once. Ctrl-C ends it at any time.
 */

import { setTimeout as delay } from 'node:timers/promises';
import { type CloseReason, type Connection, connect, type DriverChoice, OperationError } from 'overlapped';

const [host = '127.0.0.1', port = '4567', driverName = 'auto'] = process.argv.slice(2);
const driver = driverName as DriverChoice;

/** The first wait, and the longest, in ms. */
const WAIT_FIRST_MS = 200;
const WAIT_MOST_MS = 10_000;
/** A connection that lived this long was a success: the next wait is short again. */
const SUCCESS_MS = 1000;

const stop = new AbortController();
let current: Connection | undefined;

/** One connection from its beginning to its end. Rejects if connecting fails. */
function session(): Promise<CloseReason> {
  return new Promise((resolve, reject) => {
    connect({
      host,
      port: Number(port),
      driver,
      timeouts: { connectMs: 5000 },
      signal: stop.signal,
      open(connection) {
        current = connection;
        console.log('connected');
        connection.write(`hello from ${process.pid}\n`);
      },
      data(_, chunk) {
        process.stdout.write(chunk);
      },
      close(_, reason) {
        current = undefined;
        resolve(reason);
      },
    }).catch(reject);
  });
}

/** Prints how the connection ended. Returns whether the server was reachable. */
async function tryOnce(): Promise<boolean> {
  const beganAt = performance.now();
  try {
    console.log(`closed: ${await session()}`);
    return performance.now() - beganAt >= SUCCESS_MS;
  } catch (error) {
    if (!stop.signal.aborted) {
      console.log(`cannot connect: ${error instanceof OperationError ? error.code : String(error)}`);
    }
    return false;
  }
}

/** Doubles after each failure, with a random part, so that clients that failed together do not return together. */
function waitMs(failures: number): number {
  const most = Math.min(WAIT_MOST_MS, WAIT_FIRST_MS * 2 ** failures);
  return Math.round(most / 2 + (Math.random() * most) / 2);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    stop.abort();
    current?.end();
  });
}

let failures = 0;
while (!stop.signal.aborted) {
  failures = (await tryOnce()) ? 0 : failures + 1;
  if (!stop.signal.aborted) {
    const wait = waitMs(failures);
    console.log(`again in ${wait} ms`);
    await delay(wait, undefined, { signal: stop.signal }).catch(() => undefined);
  }
}
