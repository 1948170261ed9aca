/** The async contexts of listeners and callbacks. */

import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';
import { connect, createServer } from 'overlapped/net';
import { alone, portOf, withPair } from './pair.js';

export function contexts(): void {
  alone('events run in the context of connect, and of listen', async () => {
    const storage = new AsyncLocalStorage<string>();
    const seen: Record<string, string | undefined> = {};
    const note = (event: string) => (): void => {
      seen[event] = storage.getStore();
    };
    const server = createServer((socket) => {
      note('connection')();
      socket.on('data', note('server data'));
      socket.on('end', note('server end'));
      socket.on('close', note('server close'));
      socket.write('hello');
    });
    storage.run('listen', () => server.listen(0, '127.0.0.1'));
    await once(server, 'listening');
    const client = storage.run('connect', () => connect(portOf(server), '127.0.0.1'));
    client.on('connect', note('connect'));
    client.on('data', note('client data'));
    await once(client, 'data');
    await storage.run('write', () => new Promise((resolve) => client.write('x', () => resolve(note('written')()))));
    client.end();
    await once(client, 'close');
    server.close();
    await once(server, 'close');
    assert.deepEqual(seen, {
      connection: 'listen',
      connect: 'connect',
      'client data': 'connect',
      written: 'write',
      'server data': 'listen',
      'server end': 'listen',
      'server close': 'listen',
    });
  });

  withPair('a time limit calls back in the context that has set it', async ({ client }) => {
    const storage = new AsyncLocalStorage<string>();
    const limited = (context: string): Promise<string | undefined> =>
      new Promise((resolve) => storage.run(context, () => client.setTimeout(10, () => resolve(storage.getStore()))));
    client.setTimeout(10);
    assert.equal(await limited('first'), 'first');
    client.setTimeout(0);
    client.setTimeout(10);
    assert.equal(await limited('second'), 'second');
    client.setTimeout(0);
  });
}
