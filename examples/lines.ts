/**
 * A line server: each line comes back in capitals. Run it with `node dist/examples/lines.js [PORT]`. A stream consists of
 * bytes, not messages: a line may arrive in several chunks, and a chunk may contain several lines. The server never keeps
 * more than one line of bounded length, and never waits for the rest of a line for ever.
 */

import { type Connection, type DriverChoice, formatAddress, listen } from 'overlapped';

const LINE_BYTES_MAX = 1024;
/** The time from the first byte of a line to its end, however slowly its bytes arrive. */
const LINE_TIMEOUT_MS = 2000;
/** The time between two lines. */
const IDLE_TIMEOUT_MS = 60_000;

const NEWLINE = '\n'.charCodeAt(0);
const NOTHING = Buffer.alloc(0);

/** The beginning of an incomplete line. */
interface Partial {
  rest: Buffer;
}

const server = await listen<Partial>({
  host: '127.0.0.1',
  port: Number(process.argv[2] ?? 4567),
  driver: (process.argv[3] ?? 'auto') as DriverChoice,
  timeouts: { idleMs: IDLE_TIMEOUT_MS },

  open(connection) {
    connection.context = { rest: NOTHING };
  },

  data(connection, chunk) {
    const { context } = connection;
    const began = context.rest.byteLength > 0;
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      if (!answer(connection, Buffer.concat([context.rest, chunk.subarray(start, end)]))) {
        return;
      }
      context.rest = NOTHING;
      start = end + 1;
    }
    // Copy it: the chunk is valid during this call only. The length is checked before the next chunk is added.
    context.rest = Buffer.concat([context.rest, chunk.subarray(start)]);
    if (context.rest.byteLength > LINE_BYTES_MAX) {
      refuse(connection);
    } else if (context.rest.byteLength === 0) {
      connection.setDeadline(0);
    } else if (!began || start > 0) {
      connection.setDeadline(LINE_TIMEOUT_MS);
    }
  },

  drain: (connection) => connection.resume(),

  close: (_, reason) => console.log(`closed: ${reason}`),
});
console.log(`listening on ${formatAddress(server.address)}`);

/** Answers one line. Returns false if it is not a valid line. */
function answer(connection: Connection<Partial>, line: Buffer): boolean {
  if (line.byteLength > LINE_BYTES_MAX) {
    refuse(connection);
    return false;
  }
  // If a client does not read its answers, stop reading from it until it has.
  if (!connection.write(`${String(line).trimEnd().toUpperCase()}\n`)) {
    connection.pause();
  }
  return true;
}

/** Sends the reason and ends the connection. */
function refuse(connection: Connection<Partial>): void {
  connection.pause();
  connection.setDeadline(LINE_TIMEOUT_MS);
  connection.end(`A line has at most ${LINE_BYTES_MAX} bytes\n`);
}

process.once('SIGTERM', () => void server.close({ deadlineMs: 1000 }));
