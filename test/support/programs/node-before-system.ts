/**
 * Serves on `node`, on select, which Linux and Windows have, and on `node` again; prints whether koffi was loaded before and
 * after, and which driver echoed.
 */

import { createRequire } from 'node:module';
import { connect, Engine, listen } from 'overlapped';

const { cache } = createRequire(import.meta.url);
const isLoaded = (): boolean => Object.keys(cache).some((path) => path.includes('koffi'));

const PAYLOAD = Buffer.alloc(300_000, 'payload');

/** A server and a client of one engine; resolves with the driver once a large message has returned whole. */
async function echo(engine: Engine): Promise<string> {
  const server = await listen({
    engine,
    host: '127.0.0.1',
    port: 0,
    data(connection, chunk) {
      connection.write(Buffer.from(chunk));
    },
  });
  const received: Buffer[] = [];
  await new Promise<void>((resolve, reject) => {
    connect({
      engine,
      host: '127.0.0.1',
      port: server.port as number,
      open: (connection) => void connection.write(PAYLOAD),
      data(connection, chunk) {
        received.push(Buffer.from(chunk));
        if (Buffer.concat(received).length === PAYLOAD.length) {
          connection.destroy();
        }
      },
      close: () => resolve(),
    }).catch(reject);
  });
  await server.close({ deadlineMs: 0 });
  return Buffer.concat(received).equals(PAYLOAD) ? server.driver : 'other bytes';
}

const node = new Engine({ driver: 'node' });
const echoed = [await echo(node)];
const loadedBefore = isLoaded();
const system = new Engine({ driver: 'select' });
echoed.push(await echo(system), await echo(node));
console.log(JSON.stringify({ loadedBefore, loadedAfter: isLoaded(), echoed }));
node.close();
system.close();
