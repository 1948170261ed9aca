import cluster from 'node:cluster';
import { createServer } from 'node:http';

if (cluster.isPrimary) {
  const workers = [cluster.fork(), cluster.fork()];
  let ready = 0;
  cluster.on('listening', (_worker, { port }) => {
    ready += 1;
    if (ready === workers.length) {
      console.log(`listening on ${port}`);
    }
  });
} else {
  createServer((_request, response) => response.end(`hello from ${cluster.worker.id}`)).listen(0, '127.0.0.1');
}
