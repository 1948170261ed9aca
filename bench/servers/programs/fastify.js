// The first program of fastify's documentation.
import fastify from 'fastify';

const app = fastify();
app.get('/', async () => 'Hello, world');
await app.listen({ port: 0, host: '127.0.0.1' });
console.log(app.server.address().port);
