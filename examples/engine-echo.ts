/**
 * An echo server on the engine. Run it with `node dist/examples/engine-echo.js [PORT]`, then type into
 * `ncat 127.0.0.1 4567`.
 */

import { type DriverChoice, formatAddress, listen } from 'overlapped';

const server = await listen({
  host: '127.0.0.1',
  port: Number(process.argv[2] ?? 4567),
  driver: (process.argv[3] ?? 'auto') as DriverChoice,

  data(connection, chunk) {
    // The bytes are sent from the buffer that received them: nothing is copied.
    if (!connection.write(chunk)) {
      // Much data waits for this client: stop reading from it until it has caught up.
      connection.pause();
    }
  },
  drain: (connection) => connection.resume(),
});
console.log(`listening on ${formatAddress(server.address)}`);

// Clients get a moment to finish. Then the process ends, as nothing keeps it alive any more.
process.once('SIGINT', () => void server.close({ deadlineMs: 2000 }));
process.once('SIGTERM', () => void server.close({ deadlineMs: 2000 }));
