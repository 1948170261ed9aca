/** `listen` with threads on Windows: accepted sockets are associated with the port of the thread that they are given to. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listen } from '../support/bundle.js';
import { programPath } from '../support/child.js';
import { eventually } from '../support/harness.js';
import { connectNode } from '../support/node-client.js';
import { system } from '../support/system.js';

test('a broadcast reaches the connections of both threads', {
  timeout: 60_000 * system.patience,
}, async () => {
  const module = programPath('room-handlers');
  const server = await listen({ host: '127.0.0.1', port: 0, threads: 2, module });
  const { address } = server;
  assert(address.family !== 'unix');
  const clients = await Promise.all([0, 1].map(() => connectNode(address.port)));
  await eventually(() => clients.every((client) => client.bytes === 2), 'each is told its thread');
  assert.deepEqual(clients.map((client) => client.data.toString()).sort(), ['0\n', '1\n']);
  const have = (text: string): Promise<void> =>
    eventually(() => clients.every((client) => client.data.includes(text)), text);
  clients.forEach((client) => client.socket.write('join room\n'));
  await have('joined room\n');
  clients.forEach((client, index) => client.socket.write(`tell room from-${index}\n`));
  await have('from-0\n');
  await have('from-1\n');
  const large = `${'x'.repeat(300_000)}\n`;
  server.broadcast(large);
  server.publish('room', 'the end\n');
  await have(`${large}the end\n`);
  clients.forEach((client) => client.socket.destroy());
  await server.close();
});

for (const driver of ['iocp', 'select'] as const) {
  test(`${driver} serves on two threads, and replaces one that dies`, {
    timeout: 60_000 * system.patience,
  }, async () => {
    const server = await listen({
      host: '127.0.0.1',
      port: 0,
      driver,
      threads: 2,
      module: programPath('echo-handlers'),
      onThreadDied: () => undefined,
    });
    const { address } = server;
    assert(address.family !== 'unix');
    const clients = await Promise.all([0, 1, 2, 3].map(() => connectNode(address.port)));
    await eventually(() => clients.every((client) => client.bytes === 1), 'each is told its thread');
    assert.deepEqual(clients.map((client) => client.data.toString()).sort(), ['0', '0', '1', '1']);
    assert.deepEqual(server.connectionsByThread, [2, 2]);
    clients.forEach((client) => client.socket.write('a message'));
    await eventually(() => clients.every((client) => client.bytes === 10), 'the echoes');
    const { connections, threads } = await server.statistics();
    assert.deepEqual([connections.open, threads.length], [4, 2]);
    const [lost, kept] = ['1', '0'].map((thread) =>
      clients.filter((client) => client.data.toString('latin1', 0, 1) === thread),
    );
    lost?.[0]?.socket.write('exit');
    await eventually(() => server.threadsReplaced === 1, 'it is replaced');
    await eventually(() => lost?.every((client) => client.closed || client.ended) === true, 'its connections are over');
    kept?.forEach((client) => client.socket.write('a message'));
    await eventually(() => kept?.every((client) => client.bytes === 19) === true, 'the others are served on');
    clients.forEach((client) => client.socket.destroy());
    await server.close();
  });
}
