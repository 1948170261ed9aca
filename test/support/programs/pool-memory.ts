/**
 * Receives when the memory of receive buffers cannot come from WebAssembly. Prints the kind of memory, whether it can
 * be detached, and the received bytes.
 */

import { connect, listen } from 'overlapped';
import { DETACHING } from '../taking-away.js';

const server = await listen({
  host: '127.0.0.1',
  port: 0,
  data(connection, chunk) {
    for (const detach of Object.values(DETACHING)) {
      try {
        detach(chunk);
      } catch {
        // Right: the memory cannot be detached.
      }
    }
    console.log(Object.prototype.toString.call(chunk.buffer), chunk.length, chunk.toString());
    connection.end();
  },
});
if (server.address.family !== 'unix') {
  const client = await connect({ host: '127.0.0.1', port: server.address.port, close: () => server.close() });
  client.write('received');
}
