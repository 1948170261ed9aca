/**
 * Servers and clients of the shared engine, in a process that ends by itself, or not. Arguments: the driver and the
 * case. A process that does not end by itself is ended after a while, and prints `alive`.
 */

import { type Connection, connect, type DriverChoice, listen, type Server } from 'overlapped';

const driver = process.argv[2] as DriverChoice;
const mode = process.argv[3] as string;
const ALIVE_MS = 500;

function portOf(server: Server): number {
  const { address } = server;
  return address.family === 'unix' ? 0 : address.port;
}

const echo = { data: (connection: Connection, chunk: Buffer) => connection.write(chunk) };

async function server(): Promise<Server> {
  return listen({ driver, host: '127.0.0.1', port: 0, ...echo });
}

async function talk(to: Server): Promise<void> {
  const client = await connect({ driver, host: '127.0.0.1', port: portOf(to) });
  client.end('hello');
  let back = '';
  for await (const chunk of client) {
    back += chunk;
  }
  if (back !== 'hello') {
    throw new Error(`Came back as ${back}`);
  }
}

const MODES: Readonly<Record<string, () => Promise<unknown>>> = {
  /** Two servers and many clients on one engine; all close. */
  async shared() {
    const servers = [await server(), await server()];
    const engines = new Set(servers.map(({ core }) => core.engine));
    await Promise.all(Array.from({ length: 10 }, (_, index) => talk(servers[index % 2] as Server)));
    await Promise.all(servers.map((each) => each.close()));
    console.log(`engines ${engines.size}`);
    // A new one for later clients.
    const later = await server();
    await talk(later);
    await later.close();
  },
  server,
  unreferencedServer: async () => (await server()).unref(),
  async referencedAgain() {
    const each = await server();
    each.unref();
    each.unref();
    each.ref();
    each.ref();
  },
  async connection() {
    const each = await server();
    each.unref();
    await connect({ driver, host: '127.0.0.1', port: portOf(each) });
  },
  async unreferencedConnection() {
    const each = await server();
    each.unref();
    await new Promise<void>((resolve) => {
      void listen({
        driver,
        host: '127.0.0.1',
        port: 0,
        open(accepted) {
          accepted.unref();
          resolve();
        },
      }).then(async (other) => {
        other.unref();
        (await connect({ driver, host: '127.0.0.1', port: portOf(other) })).unref();
      });
    });
  },
  /** A refused connect leaves nothing behind. */
  async refused() {
    const each = await server();
    const port = portOf(each);
    await each.close();
    await connect({ driver, host: '127.0.0.1', port }).then(undefined, ({ code }) => console.log(code));
  },
};

await MODES[mode]?.();
setTimeout(() => {
  console.log('alive');
  process.exit();
}, ALIVE_MS).unref();
console.log('done');
