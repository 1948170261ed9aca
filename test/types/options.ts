/**
 * The types of `listen` and `connect`, which the build checks: this file is compiled and never run. A line after
 * `@ts-expect-error` must not compile.
 */

import { type Connection, connect, type DriverChoice, Engine, listen, type Server } from 'overlapped';
import { type Command, commands, type DecodedCommand, delimited, type Framing } from 'overlapped/framing';

/** Whether two types are the same one. */
type Same<One, Other> = (<T>() => T extends One ? 1 : 2) extends <T>() => T extends Other ? 1 : 2 ? true : false;

function isTrue<_Condition extends true>(): void {
  // Only the type is checked.
}

interface Player {
  nick: string;
}

export async function selfReference(): Promise<void> {
  const server = await listen({ port: 0, close: () => server.close() });
  isTrue<Same<typeof server, Server>>();
}

export async function inferredFromTheFraming(): Promise<void> {
  const server = await listen({
    port: 0,
    framing: commands(),
    open: (connection) => void connection.sendMessage({ command: 1, body: Buffer.alloc(1) }),
    message(connection, message) {
      isTrue<Same<typeof message, DecodedCommand>>();
      isTrue<Same<typeof connection, Connection<unknown, Command>>>();
      // @ts-expect-error: a command has a body
      connection.sendMessage({ command: 1 });
    },
  });
  isTrue<Same<typeof server, Server<unknown, Command>>>();
  server.publishMessage('room', { command: 1, body: Buffer.alloc(1) });
  // @ts-expect-error: the framing encodes commands
  server.publishMessage('room', 'text');
  // @ts-expect-error: the framing encodes commands
  server.broadcastMessage(5);

  const client = await connect({ port: 1, framing: delimited(), message: (_, line) => void line.toString('latin1') });
  client.sendMessage('a line');
  // @ts-expect-error: a line is text or bytes
  client.sendMessage(5);
}

export async function ownFraming(): Promise<void> {
  const json: Framing<{ id: number }, { id: number; text?: string }> = {
    decode: (bytes) => bytes.length,
    encode: (message) => JSON.stringify(message),
  };
  await listen({
    port: 0,
    framing: json,
    heartbeat: { ping: { id: 0, text: 'ping' }, isPong: (message) => message.id === 0 },
    message(connection, message) {
      isTrue<Same<typeof message, { id: number }>>();
      connection.sendMessage({ id: message.id, text: 'ok' });
    },
  });
  // @ts-expect-error: the ping is a message of the framing
  await listen({ port: 0, framing: json, heartbeat: { ping: 'ping' } });
}

export async function inferredFromTheContext(): Promise<void> {
  const server = await listen({
    port: 0,
    context: () => ({ name: '', points: 0 }),
    framing: commands(),
    message({ context }, { command }) {
      context.points += command;
      // @ts-expect-error: there is no such property
      context.level = 1;
    },
  });
  for (const { context } of server.connections()) {
    isTrue<Same<typeof context, { name: string; points: number }>>();
  }
  const connection = await connect({ port: 1, context: { name: 'me' }, data: ({ context }) => context.name.length });
  isTrue<Same<typeof connection.context, { name: string }>>();
}

export async function givenContext(): Promise<void> {
  const server = await listen<Player>({
    port: 0,
    context: (connection) => ({ nick: String(connection.remoteAddress) }),
    data({ context }) {
      isTrue<Same<typeof context, Player>>();
    },
  });
  isTrue<Same<typeof server, Server<Player>>>();
  // @ts-expect-error: a player has a nick
  await listen<Player>({ port: 0, context: () => ({}) });
  await listen({ port: 0, open: (connection: Connection<Player>) => connection.context.nick });
}

export async function names(driver: DriverChoice, text: string): Promise<void> {
  await listen({ port: 0, driver });
  await listen({ port: '80', driver: 'epoll' });
  // @ts-expect-error: the name of a driver is one of a few
  await listen({ port: 0, driver: 'kqueue' });
  // @ts-expect-error: any text may be none
  new Engine({ driver: text });
  // @ts-expect-error: a misspelt name
  await listen({ port: 0, idleTimeout: 5 });
  // @ts-expect-error: a limit is in its group
  await listen({ port: 0, queuedBytesMax: 5 });
  // @ts-expect-error: a misspelt limit
  await listen({ port: 0, limits: { conectionsMax: 5 } });
  // @ts-expect-error: only connect has this time
  await listen({ port: 0, timeouts: { connectMs: 5 } });
  await connect({ port: 0, timeouts: { connectMs: 5 } });
  // @ts-expect-error: a module needs threads
  await listen({ port: 0, module: './handlers.js' });
  const threaded = await listen({ port: 0, threads: 2, module: './handlers.js', limits: { connectionsMax: 5 } });
  threaded.connectionsByThread.at(0);
}
