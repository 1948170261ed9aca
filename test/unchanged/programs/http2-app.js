// HTTP/2 without TLS, and with TLS where there is a certificate.
import { readFileSync } from 'node:fs';
import { createSecureServer, createServer } from 'node:http2';
import { listening } from './listening.js';

const { CERT, KEY } = process.env;
const answer = (request, response) => {
  if (request.url === '/echo') {
    request.pipe(response);
  } else {
    response.setHeader('content-type', 'text/plain');
    response.end('hello');
  }
};
const server =
  CERT === undefined
    ? createServer(answer)
    : createSecureServer({ cert: readFileSync(CERT), key: readFileSync(KEY), allowHTTP1: true }, answer);
listening(server);
