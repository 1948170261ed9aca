/**
 * Servers on node:net, and on node:tls for roles over TLS: `node dist/bench/servers/net.js ROLE [PORT]`. Chunks are
 * written from the handler of `data`, which costs less than the `pipe` of Node's example and does the same.
 */

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { collectWhenAsked } from './memory-in-use.js';
import {
  BACKLOG,
  BLOCK,
  Gatherer,
  HOST,
  messagesOf,
  type Role,
  roleOf,
  sayPort,
  Taken,
  tlsFiles,
  WELCOME,
} from './roles.js';

const [word = 'echo', backend = '0'] = process.argv.slice(2);
const { role, isTls } = roleOf(word);

/** Bytes of one side go to the other, which makes it wait when enough are queued. */
function relay(from: Socket, to: Socket): void {
  from.on('data', (chunk) => {
    if (!to.write(chunk)) {
      from.pause();
    }
  });
  to.on('drain', () => from.resume());
}

const members = new Set<Socket>();

const PROGRAMS: Readonly<Record<Role, (socket: Socket) => void>> = {
  echo: (socket) => relay(socket, socket),
  sink(socket) {
    const taken = new Taken();
    socket.on('data', (chunk) => {
      const answer = taken.answer(chunk);
      if (answer !== undefined) {
        socket.write(answer);
      }
    });
  },
  framed(socket) {
    const gatherer = new Gatherer();
    socket.on('data', (chunk) => gatherer.take(chunk, (message) => socket.write(message.subarray(-1))));
  },
  source(socket) {
    const sendBlocks = (): void => {
      while (socket.write(BLOCK)) {
        // As much as it takes.
      }
    };
    socket.on('drain', sendBlocks);
    sendBlocks();
  },
  broadcast(socket) {
    members.add(socket);
    socket.on('close', () => members.delete(socket));
    socket.on('data', (chunk) => {
      for (const message of messagesOf(chunk)) {
        for (const member of members) {
          member.write(message);
        }
      }
    });
    socket.write(WELCOME);
  },
  proxy(socket) {
    const other = connect({ host: HOST, port: Number(backend), noDelay: true });
    other.on('error', () => socket.destroy()).on('close', () => socket.destroy());
    socket.on('close', () => other.destroy());
    relay(socket, other);
    relay(other, socket);
  },
};

function serve(socket: Socket): void {
  socket.on('error', () => socket.destroy());
  PROGRAMS[role](socket);
}

const server = isTls
  ? createTlsServer({ noDelay: true, ...tlsFiles() }, serve)
  : createServer({ noDelay: true }, serve);
server.listen({ host: HOST, port: 0, backlog: BACKLOG });
await once(server, 'listening');
await collectWhenAsked();
sayPort((server.address() as AddressInfo).port);
