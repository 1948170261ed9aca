// An HTTP server in a worker thread.
import { createServer } from 'node:http';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';

if (isMainThread) {
  const worker = new Worker(new URL(import.meta.url));
  worker.once('message', (port) => console.log(`listening on ${port}`));
} else {
  const server = createServer((_request, response) => response.end('hello'));
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
}
