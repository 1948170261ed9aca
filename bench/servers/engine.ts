/**
 * Servers on the engine, as in the docs: `node dist/bench/servers/engine.js DRIVER ROLE [PORT]`. Besides the roles
 * there are two ways to echo that are measured separately: `messages` (with a framing) and `decoding` (bytes, after
 * finding the messages in them).
 */

import { type Connection, connect, type DriverChoice, listen, type Server, type SocketAddress } from 'overlapped';
import { lengthPrefixed } from 'overlapped/framing';
import { collectWhenAsked } from './memory-in-use.js';
import {
  BACKLOG,
  BLOCK,
  HOST,
  LENGTH_BYTES,
  messagesOf,
  type Role,
  roleOf,
  sayPort,
  Taken,
  tlsFiles,
  WELCOME,
} from './roles.js';

type Program = () => Promise<{ readonly address: SocketAddress }>;

const [driverName = 'auto', word = 'echo', backend = '0'] = process.argv.slice(2);
const driver = driverName as DriverChoice;
const { role, isTls } = roleOf(word);

const where = { host: HOST, port: 0, driver, backlog: BACKLOG, ...(isTls && { tls: tlsFiles() }) };
const framing = lengthPrefixed({ lengthSize: LENGTH_BYTES });

function sendBlocks(connection: Connection): void {
  while (connection.write(BLOCK)) {
    // As much as it takes.
  }
}

/** Both sides of a proxied connection, each the other's context, do the same for each other. */
const relay = {
  data(connection: Connection<Connection>, chunk: Buffer) {
    if (!connection.context.write(chunk)) {
      connection.pause();
    }
  },
  drain: ({ context }: Connection<Connection>) => context.resume(),
  close: ({ context }: Connection<Connection>) => context?.destroy(),
};

const PROGRAMS: Readonly<Record<Role | 'messages' | 'decoding', Program>> = {
  echo: () =>
    listen({
      ...where,
      data(connection, chunk) {
        if (!connection.write(chunk)) {
          connection.pause();
        }
      },
      drain: (connection) => connection.resume(),
    }),

  messages: () => listen({ ...where, framing, message: (connection, message) => connection.sendMessage(message) }),

  decoding: () =>
    listen({
      ...where,
      data(connection, chunk) {
        framing.decode(chunk, () => true);
        connection.write(chunk);
      },
    }),

  sink: () =>
    listen<Taken>({
      ...where,
      open(connection) {
        connection.context = new Taken();
      },
      data(connection, chunk) {
        const answer = connection.context.answer(chunk);
        if (answer !== undefined) {
          connection.write(answer);
        }
      },
    }),

  framed: () =>
    listen<{ messages: number }>({
      ...where,
      framing,
      open(connection) {
        connection.context = { messages: 0 };
      },
      message(connection, message) {
        connection.context.messages++;
        connection.write(message.subarray(-1));
      },
    }),

  source: () => listen({ ...where, open: sendBlocks, drain: sendBlocks, data: () => undefined }),

  async broadcast() {
    const server: Server = await listen({
      ...where,
      open: (connection) => connection.write(WELCOME),
      data(_, chunk) {
        for (const message of messagesOf(chunk)) {
          server.broadcast(message);
        }
      },
    });
    return server;
  },

  proxy: () =>
    listen<Connection>({
      ...where,
      ...relay,
      async open(client) {
        // Nobody is there yet to take what the client sends.
        client.pause();
        client.context = await connect<Connection>({
          host: HOST,
          port: Number(backend),
          driver,
          context: client,
          ...relay,
        });
        client.resume();
      },
    }),
};

const { address } = await PROGRAMS[role]();
await collectWhenAsked();
sayPort((address as { readonly port: number }).port);
