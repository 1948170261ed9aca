// express and `ws` on one https server. `/relay` sends the body to itself over wss, and answers with what has come back.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import express from 'express';
import { WebSocket, WebSocketServer } from 'ws';
import { listening } from './listening.js';

const [cert, key] = [readFileSync(process.env.CERT), readFileSync(process.env.KEY)];
const app = express();
app.disable('x-powered-by');
app.get('/', (request, response) => response.type('text').send(`hello by ${request.protocol}`));
app.post('/relay', express.text({ type: () => true, limit: '10mb' }), async (request, response) => {
  const socket = new WebSocket(`wss://127.0.0.1:${server.address().port}`, { ca: cert });
  await once(socket, 'open');
  socket.send(request.body);
  const [data] = await once(socket, 'message');
  socket.close(4001, 'done');
  const [code] = await once(socket, 'close');
  response.set('x-close-code', String(code)).type('text').send(String(data));
});

const server = createServer({ cert, key }, app);
new WebSocketServer({ server }).on('connection', (socket) => {
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
});
listening(server);
