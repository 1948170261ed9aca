/**
 * An echo server over TLS whose certificate is renewed without a restart. Run it with
 * `node dist/examples/tls-echo.js key.pem cert.pem [PORT]`, then type into `openssl s_client -connect 127.0.0.1:4433`. After
 * the files were replaced, `kill -HUP` makes it read them again: later connections get the new certificate.
 */

import { readFileSync } from 'node:fs';
import { type DriverChoice, formatAddress, listen } from 'overlapped';

const [keyFile, certFile, port = '4433', driver = 'auto'] = process.argv.slice(2);
if (keyFile === undefined || certFile === undefined) {
  throw new Error('Usage: tls-echo KEY-FILE CERTIFICATE-FILE [PORT] [DRIVER]');
}

function readIdentity(key: string, cert: string): { readonly key: Buffer; readonly cert: Buffer } {
  return { key: readFileSync(key), cert: readFileSync(cert) };
}

const server = await listen({
  host: '127.0.0.1',
  port: Number(port),
  driver: driver as DriverChoice,
  tls: readIdentity(keyFile, certFile),

  open: ({ tls }) => console.log(`${tls?.protocol} ${tls?.cipher?.name} ${tls?.resumed ? 'resumed' : 'new'}`),
  data(connection, chunk) {
    if (!connection.write(chunk)) {
      connection.pause();
    }
  },
  drain: (connection) => connection.resume(),
});
console.log(`listening on ${formatAddress(server.address)}`);

process.on('SIGHUP', () => {
  try {
    server.setSecureContext(readIdentity(keyFile, certFile));
    console.log('renewed');
  } catch (error) {
    // The server goes on with the certificate that it has.
    console.log(`not renewed: ${String(error)}`);
  }
});
process.once('SIGTERM', () => void server.close({ deadlineMs: 2000 }));
