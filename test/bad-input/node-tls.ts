/** node:tls under bad input: it shows that the suite itself is right. */

import { createServer, type TLSSocket } from 'node:tls';
import { close, listening } from '../support/net-servers.js';
import type { Implementation } from './subject.js';

const END = 'end';

export const NODE_TLS: Implementation = {
  name: 'node:tls',
  cleanEnd: END,
  reportsTruncation: false,
  endsAttacks: false,
  async serve({ cert, key, handshakeTimeoutMs, witness }) {
    let accepted = 0;
    const server = createServer({ cert, key, handshakeTimeout: handshakeTimeoutMs, noDelay: true }, (socket) => {
      let reason: string | undefined;
      socket.on('data', (chunk: Buffer) => {
        witness.data(socket, chunk);
        if (!socket.write(chunk)) {
          socket.pause();
        }
      });
      socket.on('drain', () => socket.resume());
      socket.on('error', (error: NodeJS.ErrnoException) => {
        reason ??= error.code;
      });
      socket.on('close', () => witness.end(socket, reason ?? END));
    });
    server.on('connection', () => accepted++);
    server.on('tlsClientError', (error: NodeJS.ErrnoException, socket: TLSSocket) => {
      witness.end(socket, error.code);
      // Node leaves it open when the handshake was too late.
      socket.destroy();
    });
    return {
      port: await listening(server),
      counts: () => ({ connections: accepted - witness.ends.length }),
      close: () => close(server),
    };
  },
};
