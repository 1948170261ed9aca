/**
 * A chat room: what one member says is sent to all others. Run it with `node dist/examples/chat.js [PORT]` and connect with
 * `ncat 127.0.0.1 4567`. A member who does not read is removed from the room and delays nobody before that.
 */

import { type Connection, type DriverChoice, formatAddress, listen } from 'overlapped';

/** Bytes that may wait for a member who reads slowly. Above it the engine closes the connection: `write_queue_full`. */
const UNREAD_BYTES_MAX = 256 * 1024;

interface Member {
  readonly name: string;
}

let guests = 0;

const room = await listen<Member>({
  host: '127.0.0.1',
  port: Number(process.argv[2] ?? 4567),
  driver: (process.argv[3] ?? 'auto') as DriverChoice,
  limits: {
    queuedBytesMax: UNREAD_BYTES_MAX,
    // A member who floods the room gets no more than this of each round before the others have their turn.
    roundBytesMax: 64 * 1024,
  },
  timeouts: {
    // Members may listen for as long as they like. The caps close those who do not read.
    firstByteMs: 0,
  },

  open(connection) {
    // The context is the state of one connection; the handlers are shared by all.
    connection.context = { name: `guest${++guests}` };
    connection.write(`You are ${connection.context.name}.\n`);
    sendToOthers(connection, `* ${connection.context.name} came`);
  },

  data(connection, chunk) {
    // A chunk is often one line, but need not be. examples/lines.ts shows how to read whole lines.
    sendToOthers(connection, `${connection.context.name}: ${String(chunk).trimEnd()}`);
  },

  close(connection, reason) {
    const { name } = connection.context;
    sendToOthers(connection, reason === 'write_queue_full' ? `* ${name} was too slow` : `* ${name} left`);
    console.log(`${name}: ${reason}`);
  },
});
console.log(`listening on ${formatAddress(room.address)}`);

/**
 * Sends a line to all members but one. The result of `write` is ignored on purpose: the sender must not wait for the slowest
 * listener. Each listener has a cap, and so have all of them together.
 */
function sendToOthers(speaker: Connection<Member>, text: string): void {
  const line = Buffer.from(`${text}\n`);
  for (const member of room.connections()) {
    // A connection whose side has ended takes no more data.
    if (member !== speaker && member.writable) {
      member.write(line);
    }
  }
}

process.once('SIGTERM', () => void room.close({ deadlineMs: 1000 }));
