/**
 * Mutual TLS: a server that serves only clients whose certificate its authority has signed, and such a client.
 * `node dist/examples/mutual-tls.js server server.key server.pem ca.pem [PORT]` listens;
 * `node dist/examples/mutual-tls.js client client.key client.pem ca.pem PORT` prints the server's greeting.
 */

import { readFileSync } from 'node:fs';
import { type Connection, connect, formatAddress, listen } from 'overlapped';

const [role, keyFile, certFile, authorityFile, port = '4434'] = process.argv.slice(2);
if (keyFile === undefined || certFile === undefined || authorityFile === undefined) {
  throw new Error('Usage: mutual-tls server|client KEY-FILE CERTIFICATE-FILE AUTHORITY-FILE [PORT]');
}
const identity = { key: readFileSync(keyFile), cert: readFileSync(certFile), ca: readFileSync(authorityFile) };
const at = { host: '127.0.0.1', port: Number(port) };

/** The common name of the peer's certificate, which was verified. */
function nameOf({ tls }: Connection): string {
  return /^CN=(.*)$/m.exec(tls?.peerCertificate?.subject ?? '')?.[1] ?? 'nobody';
}

async function serve(): Promise<void> {
  const server = await listen({
    ...at,
    tls: { ...identity, requestCert: true },
    // Only clients that were verified get here: the others fail in the handshake.
    open: (connection) => connection.end(`hello ${nameOf(connection)}\n`),
  });
  console.log(`listening on ${formatAddress(server.address)}`);
  process.once('SIGTERM', () => {
    console.log(JSON.stringify(server.statistics().tls.failedByCode));
    void server.close({ deadlineMs: 2000 });
  });
}

async function greet(): Promise<void> {
  const client = await connect({
    ...at,
    tls: identity,
    data: (connection, chunk) => console.log(`${nameOf(connection)}: ${String(chunk).trimEnd()}`),
    // A server of TLS 1.3 refuses a client after the client's handshake is done.
    error: (_, error) => console.log(`refused: ${(error as NodeJS.ErrnoException).code}`),
  });
  await client.closed;
}

await (role === 'server' ? serve() : greet());
