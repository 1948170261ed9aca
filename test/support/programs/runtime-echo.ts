/**
 * Echoes between ends of its own, for runtimes other than Node. Arguments: drivers. Prints a line of JSON for each driver,
 * in the form of `Echoed`, and then `serving PORT AUTHORITY`: an echo server over TLS on the last driver, until the end
 * of the standard input, and the certificate of its authority in base64. Then it prints `closed` and ends.
 */

import assert from 'node:assert/strict';
import {
  type Connection,
  type ConnectOptions,
  connect,
  Engine,
  type ListenOptions,
  listen,
  type Server,
} from 'overlapped';
import type { SystemDriverName } from 'overlapped/port';
import { authority, ofClient, ofServer } from '../certificates.js';

const BYTES = 300_000;

/** The echoes of a driver. */
export interface Echoed {
  readonly driver: string;
  readonly plain: string;
  /** By the version of TLS. */
  readonly secure: Readonly<Record<string, readonly unknown[]>>;
}

const where = { host: '127.0.0.1', port: 0 } as const;
const echo = {
  data: (connection: Connection, chunk: Uint8Array) => {
    connection.write(chunk);
  },
};

function portOf({ address }: Server): number {
  assert(address.family !== 'unix');
  return address.port;
}

/** Sends bytes and gets them back. @returns the reason of the end, and what was seen before it */
async function roundTrip<Seen>(
  options: ConnectOptions,
  look: (connection: Connection) => Seen,
): Promise<{ reason: string; seen: Seen }> {
  let received = 0;
  let seen: Seen | undefined;
  const client = await connect({
    ...options,
    data: (connection, chunk) => {
      received += chunk.length;
      if (received === BYTES) {
        seen = look(connection);
        connection.end();
      }
    },
  } as ConnectOptions);
  client.write(Buffer.alloc(BYTES, 'x'));
  const reason = await client.closed;
  assert.equal(received, BYTES);
  return { reason, seen: seen as Seen };
}

async function secureEcho(engine: Engine, version: 'TLSv1.2' | 'TLSv1.3'): Promise<readonly unknown[]> {
  const tls = {
    ...ofServer,
    ca: authority.cert,
    requestCert: true,
    ALPNProtocols: ['one', 'two'],
    maxVersion: version,
  };
  const server = await listen({ engine, ...where, ...echo, tls } as ListenOptions);
  const port = portOf(server);
  const mine = { ...ofClient, ca: authority.cert, servername: 'localhost', ALPNProtocols: ['two'] };
  const options = { engine, host: where.host, port };
  const first = await roundTrip({ ...options, tls: mine }, ({ tls: info }) => ({
    session: info?.session,
    seen: [info?.protocol, info?.authorized, info?.alpnProtocol, info?.peerCertificate?.subject],
  }));
  const { session } = first.seen;
  assert(session !== undefined);
  const second = await roundTrip({ ...options, tls: { ...mine, session } }, ({ tls: info }) => info?.resumed);
  await assert.rejects(connect({ ...options, tls: { ...ofClient } }), { code: 'SELF_SIGNED_CERT_IN_CHAIN' });
  await server.close();
  return [...first.seen.seen, first.reason, second.seen];
}

async function echoOn(driver: SystemDriverName): Promise<Echoed> {
  const engine = new Engine({ driver });
  const server = await listen({ engine, ...where, ...echo });
  const { reason } = await roundTrip({ engine, host: where.host, port: portOf(server) }, () => undefined);
  await server.close();
  const secure = { 'TLSv1.2': await secureEcho(engine, 'TLSv1.2'), 'TLSv1.3': await secureEcho(engine, 'TLSv1.3') };
  engine.close();
  return { driver: engine.driver, plain: reason, secure };
}

const drivers = process.argv.slice(2) as SystemDriverName[];
for (const driver of drivers) {
  console.log(JSON.stringify(await echoOn(driver)));
}
const engine = new Engine({ driver: drivers.at(-1) as SystemDriverName });
const server = await listen({ engine, ...where, ...echo, tls: ofServer });
console.log(`serving ${portOf(server)} ${Buffer.from(authority.cert).toString('base64')}`);
process.stdin.resume();
process.stdin.on('end', async () => {
  await server.close();
  engine.close();
  console.log('closed');
});
