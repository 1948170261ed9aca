import { createHash } from 'node:crypto';
import express from 'express';

const app = express();
app.disable('x-powered-by');
app.get('/', (_request, response) => response.type('text').send('hello'));
app.get('/json', (_request, response) => {
  response.json({ message: 'hello', items: Array.from({ length: 40 }, (_, id) => ({ id, name: `item ${id}` })) });
});
app.post('/echo', express.raw({ type: () => true, limit: '10mb' }), (request, response) => {
  response.type('application/octet-stream').send(request.body);
});
app.post('/sum', express.json(), (request, response) => {
  response.json({ sum: request.body.numbers.reduce((sum, number) => sum + number, 0) });
});
app.put('/upload', (request, response, next) => {
  const hash = createHash('sha256');
  let bytes = 0;
  request.on('data', (chunk) => {
    hash.update(chunk);
    bytes += chunk.length;
  });
  request.on('end', () => response.json({ bytes, sha256: hash.digest('hex'), expect: request.headers.expect }));
  request.on('error', next);
});
app.get('/download', (_request, response) => response.sendFile(process.env.FILE));
app.get('/trickle', async (_request, response) => {
  for (let line = 1; line <= 10; line++) {
    response.write(`line ${line}\n`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  response.end();
});
app.get('/fails', () => {
  throw Object.assign(new Error('broken on purpose'), { status: 503 });
});
app.use((error, _request, response, _next) => response.status(error.status ?? 500).send('failed'));

const server = app.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  console.log(`listening on ${server.address().port}`);
});
