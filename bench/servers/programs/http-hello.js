// A server of node:http with a short answer.
import { createServer } from 'node:http';

const server = createServer((_request, response) => {
  response.setHeader('content-type', 'text/plain');
  response.end('Hello, world');
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
