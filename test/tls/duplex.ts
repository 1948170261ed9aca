/** A TLS connection as a socket of node: its plain side. */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import { type Engine, type ListenOptions, listen } from 'overlapped';
import { serveHttp } from 'overlapped/net';
import type { SystemDriverName } from 'overlapped/port';
import { authority, ofServer } from '../support/certificates.js';
import { readAll, scenes } from './subject.js';

const LARGE_BYTES = 3_000_000;
const STREAMS = 10;

async function served(engine: Engine, options: ListenOptions): Promise<number> {
  const server = await listen({ engine, host: '127.0.0.1', port: 0, tls: ofServer, ...options });
  return server.port as number;
}

export function duplex(driver: SystemDriverName): void {
  const scene = scenes(driver);

  scene('a socket of a connection has its plain side', async (stage) => {
    const port = await served(stage.engine, {
      open: (connection) => {
        const socket = connection.toDuplex();
        socket.pipe(socket);
      },
    });
    const client = stage.client(port);
    const bytes = randomBytes(LARGE_BYTES);
    client.end(bytes);
    assert((await readAll(client)).equals(bytes));
  });

  scene('an http server serves connections with TLS', async (stage) => {
    const http = createServer((request, response) => response.end(request.url));
    const port = await served(stage.engine, serveHttp(http));
    const agent = new https.Agent({ keepAlive: true, maxSockets: 1, ca: authority.cert });
    for (const path of ['/one', '/two']) {
      const request = https.get({ port, host: '127.0.0.1', servername: 'localhost', agent, path });
      const [response] = await once(request, 'response');
      assert.equal(String(await readAll(response)), path);
    }
    agent.destroy();
    http.close();
  });

  scene('an http2 server serves connections with TLS, several streams at once', async (stage) => {
    const server = http2.createServer((request, response) => request.pipe(response));
    const port = await served(stage.engine, {
      tls: { ...ofServer, ALPNProtocols: ['h2'] },
      open: (connection) => {
        server.emit('connection', connection.toDuplex());
      },
    });
    const session = http2.connect(`https://127.0.0.1:${port}`, { ca: authority.cert, servername: 'localhost' });
    const bodies = Array.from({ length: STREAMS }, () => randomBytes(LARGE_BYTES / STREAMS));
    const answers = bodies.map((body) => {
      const stream = session.request({ ':path': '/', ':method': 'POST' });
      stream.end(body);
      return readAll(stream);
    });
    const received = await Promise.all(answers);
    assert.ok(received.every((answer, index) => answer.equals(bodies[index] as Buffer)));
    session.close();
    await once(session, 'close');
  });
}
