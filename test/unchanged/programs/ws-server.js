import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { WebSocketServer } from 'ws';
import { listening } from './listening.js';

const { CERT, KEY } = process.env;
const answer = (_request, response) => response.end('a WebSocket server');
const server =
  CERT === undefined
    ? createServer(answer)
    : createSecureServer({ cert: readFileSync(CERT), key: readFileSync(KEY) }, answer);
const sockets = new WebSocketServer({ server, perMessageDeflate: process.env.DEFLATE === 'on', maxPayload: 2 ** 24 });
sockets.on('connection', (socket) => {
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  socket.on('error', () => undefined);
});
listening(server);
