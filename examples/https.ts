/**
 * Node's http on the engine's TLS: an https server. Run it with `node dist/examples/https.js key.pem cert.pem [PORT]`, then
 * `curl --cacert cert.pem https://localhost:8443/`.
 */

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type DriverChoice, formatAddress, listen } from 'overlapped';

const [keyFile, certFile, port = '8443', driver = 'auto'] = process.argv.slice(2);
if (keyFile === undefined || certFile === undefined) {
  throw new Error('Usage: https KEY-FILE CERTIFICATE-FILE [PORT] [DRIVER]');
}

const http = createServer((request, response) => {
  response.setHeader('content-type', 'text/plain');
  response.end(`${request.method} ${request.url}\n`);
});

const server = await listen({
  host: '127.0.0.1',
  port: Number(port),
  driver: driver as DriverChoice,
  tls: { key: readFileSync(keyFile), cert: readFileSync(certFile), ALPNProtocols: ['http/1.1'] },
  // The socket is the plain side: http reads requests from it and writes answers to it.
  open: (connection) => void http.emit('connection', connection.toDuplex()),
});
console.log(`listening on ${formatAddress(server.address)}`);

process.once('SIGTERM', () => {
  http.closeIdleConnections();
  void server.close({ deadlineMs: 2000 });
});
