// A server as the documentation of node:http shows it.
import { createHash } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { listening } from './listening.js';

const { FILE, HEADERS_TIMEOUT_MS, REQUEST_TIMEOUT_MS, CHECK_MS = '30000' } = process.env;

const server = createServer({ connectionsCheckingInterval: Number(CHECK_MS) }, async (request, response) => {
  const { pathname } = new URL(request.url, 'http://localhost');
  if (pathname === '/') {
    response.end('hello');
  } else if (pathname === '/json') {
    response.setHeader('content-type', 'application/json');
    response.end(
      JSON.stringify({ message: 'hello', items: Array.from({ length: 40 }, (_, id) => ({ id, name: `item ${id}` })) }),
    );
  } else if (pathname === '/echo') {
    request.pipe(response);
  } else if (pathname === '/upload') {
    const hash = createHash('sha256');
    let bytes = 0;
    try {
      for await (const chunk of request) {
        hash.update(chunk);
        bytes += chunk.length;
      }
    } catch {
      // The client has gone, or took too long.
      response.destroy();
      return;
    }
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ bytes, sha256: hash.digest('hex'), expect: request.headers.expect }));
  } else if (pathname === '/download') {
    response.setHeader('content-length', statSync(FILE).size);
    createReadStream(FILE).pipe(response);
  } else if (pathname === '/trickle') {
    for (let line = 1; line <= 10; line++) {
      response.write(`line ${line}\n`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    response.end();
  } else {
    response.statusCode = 404;
    response.end('not found');
  }
});

if (HEADERS_TIMEOUT_MS !== undefined) {
  server.headersTimeout = Number(HEADERS_TIMEOUT_MS);
  server.requestTimeout = Number(REQUEST_TIMEOUT_MS);
}
listening(server);
