// A server of node:http that answers with 1 KiB of JSON.
import { createServer } from 'node:http';

const items = Array.from({ length: 16 }, (_, id) => ({
  id,
  name: `item ${id}`,
  price: (id + 1) * 1.25,
  inStock: id % 3 !== 0,
}));
const answer = { message: 'hello'.padEnd(141, '.'), items };

const server = createServer((_request, response) => {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(answer));
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
