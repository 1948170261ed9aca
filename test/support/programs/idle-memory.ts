/**
 * Opens idle connections and closes them, twice: the first time warms up code and tables. Needs --expose-gc. Arguments: the
 * driver, and how many connections. Prints the memory in use for each connection, in bytes: while all of them are open, and
 * after they have closed. The clients are in a process of their own.
 */

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type DriverChoice, listen } from 'overlapped';

const [driver, words, port] = process.argv.slice(2);
const count = Number(words);

const collect = (globalThis as unknown as { gc(): void }).gc;

function inUse(): number {
  collect();
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Connects with each message of the parent but each second one, which closes the connections. */
function beClients(): void {
  let clients: Socket[] = [];
  process.on('message', async () => {
    if (clients.length > 0) {
      await Promise.all(clients.map((client) => once(client.destroy(), 'close')));
      clients = [];
    } else {
      while (clients.length < count) {
        const client = connect(Number(port), '127.0.0.1');
        client.write('hello');
        await once(client, 'data');
        clients.push(client);
      }
    }
    process.send?.('done');
  });
}

async function beServer(): Promise<void> {
  let closed = 0;
  let allClosed: () => void = () => undefined;
  const server = await listen({
    host: '127.0.0.1',
    port: 0,
    driver: driver as DriverChoice,
    data: (connection, chunk) => void connection.write(chunk),
    close: () => {
      if (++closed === count) {
        // After the turn, when nothing of it is left.
        setImmediate(allClosed);
      }
    },
  });
  const { port: number } = server.address as { port: number };
  const clients = fork(process.argv[1] as string, [driver as string, `${count}`, `${number}`], { execArgv: [] });
  const ask = async (): Promise<void> => {
    const answer = once(clients, 'message');
    clients.send('go');
    await answer;
  };
  const visit = async (): Promise<[open: number, after: number]> => {
    closed = 0;
    const over = new Promise<void>((resolve) => {
      allClosed = resolve;
    });
    await ask();
    const open = inUse();
    await Promise.all([ask(), over]);
    return [open, inUse()];
  };
  const [, before] = await visit();
  const [open, after] = await visit();
  console.log(JSON.stringify({ openEach: (open - before) / count, closedEach: (after - before) / count }));
  clients.disconnect();
  await server.close();
}

if (port === undefined) {
  await beServer();
} else {
  beClients();
}
