import { createHash } from 'node:crypto';
import { createReadStream, readFileSync, statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import fastify from 'fastify';

const { CERT, KEY } = process.env;
const https = CERT === undefined ? null : { cert: readFileSync(CERT), key: readFileSync(KEY) };
const app = fastify({ bodyLimit: 2 ** 30, https });
app.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
app.get('/', async (_request, reply) => reply.type('text/plain').send('hello'));
app.get('/json', async () => ({
  message: 'hello',
  items: Array.from({ length: 40 }, (_, id) => ({ id, name: `item ${id}` })),
}));
app.post('/echo', async (request, reply) => reply.type('application/octet-stream').send(request.body));
app.post('/sum', async (request) => ({ sum: request.body.numbers.reduce((sum, number) => sum + number, 0) }));
app.put('/upload', async (request) => {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of request.body) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { bytes, sha256: hash.digest('hex'), expect: request.headers.expect };
});
app.get('/download', async (_request, reply) => {
  const file = process.env.FILE;
  return reply.header('content-length', statSync(file).size).send(createReadStream(file));
});
app.get('/trickle', async (_request, reply) => {
  async function* lines() {
    for (let line = 1; line <= 10; line++) {
      yield `line ${line}\n`;
      await delay(10);
    }
  }
  const { Readable } = await import('node:stream');
  return reply.type('text/plain').send(Readable.from(lines()));
});
app.get('/fails', async () => {
  throw Object.assign(new Error('broken on purpose'), { statusCode: 503 });
});

const address = await app.listen({ port: Number(process.env.PORT ?? 0), host: '127.0.0.1' });
console.log(`listening on ${new URL(address).port}`);
