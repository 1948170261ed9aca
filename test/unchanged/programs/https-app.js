import { createHash } from 'node:crypto';
import { createReadStream, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:https';
import { listening } from './listening.js';

const { CERT, KEY, FILE } = process.env;
const server = createServer({ cert: readFileSync(CERT), key: readFileSync(KEY) }, (request, response) => {
  if (request.url === '/upload') {
    const hash = createHash('sha256');
    request.pipe(hash).on('finish', () => response.end(JSON.stringify({ sha256: hash.digest('hex') })));
  } else if (request.url === '/download') {
    response.setHeader('content-length', statSync(FILE).size);
    createReadStream(FILE).pipe(response);
  } else {
    response.end('hello');
  }
});
listening(server);
