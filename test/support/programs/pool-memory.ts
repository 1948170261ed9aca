/**
 * Receives where the memory of receive buffers cannot be had from WebAssembly. Prints what it is, whether it can be detached,
 * and what was received.
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
        // Right: nobody can have it.
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
