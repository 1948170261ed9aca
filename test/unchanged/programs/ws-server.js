import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';
import { listening } from './listening.js';

const server = createServer((_request, response) => response.end('a WebSocket server'));
const sockets = new WebSocketServer({ server, perMessageDeflate: process.env.DEFLATE === 'on', maxPayload: 2 ** 24 });
sockets.on('connection', (socket) => {
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  socket.on('error', () => undefined);
});
listening(server);
