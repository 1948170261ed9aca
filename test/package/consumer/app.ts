/** A program that uses the package: a server on two threads, and a client of it. */

import { connect, formatAddress, listen, type SocketAddress } from 'overlapped';

function portOf(address: SocketAddress): number {
  if (address.family === 'unix') {
    throw new TypeError(`Expected a port, got ${formatAddress(address)}`);
  }
  return address.port;
}

const server = await listen({
  host: '127.0.0.1',
  port: 0,
  threads: 2,
  module: new URL('./handlers.js', import.meta.url),
});
const port = portOf(server.address);
const echoed = await new Promise<string>((resolve, reject) => {
  connect({
    host: '127.0.0.1',
    port,
    data: (connection, chunk) => {
      resolve(chunk.toString());
      connection.end();
    },
    close: (_, reason) => reject(new Error(`closed: ${reason}`)),
  }).then((connection) => connection.write('ping'), reject);
});
await server.close();
console.log(`echoed ${echoed}`);
