/**
 * Connects to a link-local address by its interface's name and number, and prints how node:net and the driver name both
 * ends.
 */

import { once } from 'node:events';
import { connect as connectNode } from 'node:net';
import { type Connection, connect, type DriverChoice, listen } from 'overlapped';

const [driverName = 'auto', address = ''] = process.argv.slice(2);
const driver = driverName as DriverChoice;

const accepted: string[] = [];
const server = await listen({ driver, port: 0, open: (connection) => accepted.push(hostOf(connection)) });
const { port } = server.address as { port: number };

function hostOf(connection: Connection): string {
  const { remoteAddress } = connection;
  return remoteAddress.family === 'unix' ? '' : remoteAddress.address;
}

const byNode = connectNode({ host: `${address}%lo`, port });
await once(byNode, 'connect');
const byName = await connect({ driver, host: `${address}%lo`, port });
const byNumber = await connect({ driver, host: `${address}%1`, port });
const unknown = await Promise.all(
  ['nosuch0', '4242'].map((zone) =>
    connect({ driver, host: `${address}%${zone}`, port }).then(
      () => 'connected',
      ({ code, message }) => `${code}: ${message}`,
    ),
  ),
);
const second = await listen({ driver, host: `${address}%lo`, port: 0 });
while (accepted.length < 3) {
  await new Promise((resolve) => setTimeout(resolve, 1));
}
const report = {
  node: byNode.remoteAddress,
  byName: hostOf(byName),
  byNumber: hostOf(byNumber),
  accepted,
  listening: (second.address as { address: string }).address,
  unknown,
};
process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0));
