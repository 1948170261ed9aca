// An HTTP server with short time limits, which reports its own process. Run it with --expose-gc. STATISTICS is a module
// whose `statisticsOf(server)` is reported too.
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { listening } from './listening.js';

const { KEEP_ALIVE_MS = '2000', LIMIT_MS = '2000', STATISTICS } = process.env;
const BIG = Buffer.alloc(1_000_000, 'b');

const server = createServer(
  {
    keepAliveTimeout: Number(KEEP_ALIVE_MS),
    headersTimeout: Number(LIMIT_MS),
    requestTimeout: Number(LIMIT_MS),
    connectionsCheckingInterval: 200,
  },
  async (request, response) => {
    if (request.url === '/state') {
      response.end(JSON.stringify(await state()));
    } else if (request.url === '/big') {
      response.end(BIG);
    } else if (request.method === 'POST') {
      let bytes = 0;
      request.on('data', (chunk) => {
        bytes += chunk.length;
      });
      request.on('end', () => response.end(String(bytes)));
      request.on('error', () => undefined);
    } else {
      response.end('hello');
    }
  },
);
server.on('upgrade', (_request, socket, head) => {
  socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
  socket.write(head);
  socket.on('error', () => undefined);
  socket.pipe(socket);
});
// A peer that reads nothing is cut as well.
server.setTimeout(Number(KEEP_ALIVE_MS));
listening(server);

/** The process after its garbage was collected, with the connections that are open now. */
async function state() {
  for (let round = 0; round < 5; round++) {
    globalThis.gc();
    await delay(20);
  }
  const { heapUsed, external, arrayBuffers, rss } = process.memoryUsage();
  const pss = Number(/^Pss:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/smaps_rollup', 'utf8'))?.[1]) * 1024;
  const connections = await new Promise((resolve, reject) => {
    server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
  });
  const { operationsInFlight, buffersLent } = (await engineStatistics()) ?? {};
  return {
    connections,
    operationsInFlight,
    buffersLent,
    descriptors: readdirSync('/proc/self/fd').length,
    heapUsed,
    external,
    arrayBuffers,
    rss,
    pss,
  };
}

/** The counters of the engine, where there is one. */
async function engineStatistics() {
  const { statisticsOf } = STATISTICS === undefined ? {} : await import(STATISTICS);
  return statisticsOf?.(server)?.engine;
}
