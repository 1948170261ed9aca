/**
 * A chat room: what one says, all others hear. Run it with `node dist/examples/chat.js [PORT]` and open some
 * `ncat 127.0.0.1 4567`. A member who does not read is put out of the room; the others notice nothing of it before.
 */

import { type Connection, formatAddress, listen } from 'overlapped';

/** What may wait for a member who reads slowly. With more the engine closes the connection, `write_queue_full`. */
const UNREAD_BYTES_MAX = 256 * 1024;

interface Member {
  readonly name: string;
}

let guests = 0;

const room = await listen<Member>({
  host: '127.0.0.1',
  port: Number(process.argv[2] ?? 4567),
  driver: process.argv[3] ?? 'auto',
  limits: {
    queuedBytesMax: UNREAD_BYTES_MAX,
    // One who floods the room has no more than this of each turn before the others are heard.
    roundBytesMax: 64 * 1024,
  },
  timeouts: {
    // Members may listen for as long as they like, and the caps take care of those who do not read.
    firstByteMs: 0,
  },

  open(connection) {
    // Whatever belongs to a connection is its context; the handlers are shared by all.
    connection.context = { name: `guest${++guests}` };
    connection.write(`You are ${connection.context.name}.\n`);
    tellOthers(connection, `* ${connection.context.name} came`);
  },

  data(connection, chunk) {
    // A chunk is what has come, often one line. examples/lines.ts shows how to be sure.
    tellOthers(connection, `${connection.context.name}: ${String(chunk).trimEnd()}`);
  },

  close(connection, reason) {
    const { name } = connection.context;
    tellOthers(connection, reason === 'write_queue_full' ? `* ${name} was too slow` : `* ${name} left`);
    console.log(`${name}: ${reason}`);
  },
});
console.log(`listening on ${formatAddress(room.address)}`);

/**
 * Says something to all but one. What `write` returns is not minded here, and need not be: the sender is not to wait for
 * the slowest listener, so each listener has a cap, and so have all of them together.
 */
function tellOthers(speaker: Connection<Member>, text: string): void {
  const line = Buffer.from(`${text}\n`);
  for (const member of room.connections()) {
    // One whose side is ended takes nothing more.
    if (member !== speaker && member.writable) {
      member.write(line);
    }
  }
}

process.once('SIGTERM', () => void room.close({ deadlineMs: 1000 }));
