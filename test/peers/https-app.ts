/** Node's https with WebSocket, as a program for `overlapped/register`: prints its port, and the texts of a browser. */

import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { ofServer } from '../support/certificates.js';
import { frameOf, PAGE, textOf, upgradeTo } from './web-server.js';

const server = createServer({ key: process.env.KEY ?? ofServer.key, cert: process.env.CERT ?? ofServer.cert });
server.on('request', (request, response) => {
  response.writeHead(request.url === '/' ? 200 : 404, { 'content-type': 'text/html' });
  response.end(request.url === '/' ? PAGE : '');
});
server.on('upgrade', (request, socket) => {
  socket.write(upgradeTo(String(request.headers['sec-websocket-key'])));
  socket.on('error', () => undefined);
  socket.on('data', (frame: Buffer) => {
    const text = textOf(frame);
    if (text === undefined) {
      socket.end();
    } else {
      console.log(`text ${text}`);
      socket.write(frameOf(text));
    }
  });
});
server.listen(0, '127.0.0.1', () => {
  console.log(`port ${(server.address() as AddressInfo).port} ${server.constructor.name}`);
});
