/** A server whose handler fails for each client, as many as the argument says; its warnings go to standard error. */

import { connect, type DriverChoice, listen } from 'overlapped';
import { eventually } from '../harness.js';

const clientsCount = Number(process.argv[2]);
const driver = process.argv[3] as DriverChoice;

const server = await listen({
  driver,
  host: '127.0.0.1',
  port: 0,
  data: function readName(connection) {
    return (connection.context as { name: string }).name;
  },
});
const { address } = server;
const port = address.family === 'unix' ? 0 : address.port;
const addresses: string[] = [];
for (let index = 0; index < clientsCount; index++) {
  const client = await connect({ driver, host: '127.0.0.1', port, data: () => undefined });
  const { localAddress } = client;
  addresses.push(`127.0.0.1:${localAddress.family === 'unix' ? '' : localAddress.port}`);
  client.write('x');
}
await eventually(() => server.statistics().connections.closed === clientsCount, 'all ends');
console.log(JSON.stringify({ addresses, handlerErrors: server.statistics().handlerErrors }));
await server.close();
