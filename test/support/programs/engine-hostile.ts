/**
 * A server that ignores backpressure: it writes to all clients that send `flood` whatever `write` returns, and echoes
 * to the others. Only its limits protect it. A line of input makes it print its peak memory and its statistics.
 * Arguments: the driver, and `unlimited` for any number of connections.
 */

import { createInterface } from 'node:readline';
import { type Connection, type DriverChoice, Engine, listen } from 'overlapped';

const MIB = 1024 * 1024;
const WRITE_INTERVAL_MS = 1;

const engine = new Engine({ driver: process.argv[2] as DriverChoice, engineQueuedBytesMax: 64 * MIB });
const flooded = new Set<Connection>();
const piece = Buffer.alloc(64 * 1024, 'nobody reads this ');

const server = await listen({
  engine,
  host: '127.0.0.1',
  port: 0,
  limits: { queuedBytesMax: 4 * MIB, ...(process.argv[3] === 'unlimited' && { connectionsMax: Infinity }) },
  data(connection, chunk) {
    if (chunk.toString('latin1').startsWith('flood')) {
      flooded.add(connection);
    } else {
      connection.write(chunk);
    }
  },
  close: (connection) => void flooded.delete(connection),
});

/** Memory is not asked for where no descriptor may be left for it. */
const memory = (): number => (process.argv[3] === 'unlimited' ? 0 : process.memoryUsage.rss());
const before = memory();
let most = 0;
setInterval(() => {
  for (const connection of flooded) {
    connection.write(Buffer.from(piece));
  }
  most = Math.max(most, memory() - before);
}, WRITE_INTERVAL_MS);

console.log(`listening ${server.address.family === 'unix' ? 0 : server.address.port}`);
for await (const _line of createInterface({ input: process.stdin })) {
  console.log(`statistics ${JSON.stringify({ most, ...server.statistics() })}`);
}
process.exit();
