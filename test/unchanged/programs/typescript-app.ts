// A program in TypeScript, with an enum, as tsx runs it.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

// biome-ignore lint/style/noEnum: Node alone cannot run it, tsx can
enum Path {
  Hello = '/',
  Echo = '/echo',
}

const server = createServer((request: IncomingMessage, response: ServerResponse): void => {
  if (request.url === Path.Hello) {
    response.end('hello');
  } else if (request.url === Path.Echo) {
    request.pipe(response);
  } else {
    response.writeHead(404).end();
  }
});
server.listen(0, '127.0.0.1', () => {
  console.log(`listening on ${(server.address() as AddressInfo).port}`);
});
