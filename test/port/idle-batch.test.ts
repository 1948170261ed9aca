/** An idle port keeps nothing of the connections that were closed before. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { connect, createServer } from 'overlapped/net';

/** Tries of a garbage collection, which a WeakRef outlives while its job runs. */
const COLLECTIONS_MAX = 50;

async function useAndClose(): Promise<WeakRef<object>[]> {
  const kept: WeakRef<object>[] = [];
  const server = createServer((socket) => {
    kept.push(new WeakRef(socket));
    socket.end('hello');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address() as { readonly port: number };
  const client = connect(address.port, '127.0.0.1').resume();
  kept.push(new WeakRef(client));
  await once(client, 'close');
  server.close();
  await once(server, 'close');
  return kept;
}

test('closed connections are collected while the port is idle', async () => {
  const kept = await useAndClose();
  assert.equal(kept.length, 2);
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let count = 0; count < COLLECTIONS_MAX && kept.some((each) => each.deref() !== undefined); count++) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    collect();
  }
  assert.deepEqual(
    kept.map((each) => each.deref()),
    [undefined, undefined],
  );
});
