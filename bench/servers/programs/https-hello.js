// A server of node:https with a short answer.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';

const { TLS_CERT_FILE, TLS_KEY_FILE } = process.env;
const server = createServer(
  { cert: readFileSync(TLS_CERT_FILE), key: readFileSync(TLS_KEY_FILE) },
  (_request, response) => {
    response.setHeader('content-type', 'text/plain');
    response.end('Hello, world');
  },
);
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
