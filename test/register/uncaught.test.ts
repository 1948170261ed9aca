/** Exceptions of listeners that nothing catches: they end a process, or reach its handler, as on Node's own sockets. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Child, type ChildResult } from '../support/child.js';
import { BY_IMPORT } from './preload.js';

/** The listener `end` is called by `process.nextTick`, and the listener `data` by the socket. */
const serverThat = (throws: string): string => `
  const net = require('net');
  const server = net.createServer((socket) => {
    socket.on('data', async (chunk) => {
      ${throws}
    });
    socket.on('end', () => {
      socket.end();
      throw new Error('end');
    });
  });
  server.listen(0, '127.0.0.1', () => {
    const client = net.connect(server.address().port, '127.0.0.1');
    client.write('a');
    client.once('data', () => {
      client.end('b');
      throw new Error('client');
    });
    client.on('close', () => server.close());
  });`;

const MANY = `
  socket.write(chunk);
  process.nextTick(() => { throw new Error('tick') });
  queueMicrotask(() => { throw new Error('microtask') });
  Promise.reject(new Error('rejection'));
  throw new Error('async');`;

function run(code: string): Promise<ChildResult> {
  return new Child('-e', [code], { nodeOptions: BY_IMPORT }).ended;
}

describe('uncaught exceptions', { concurrency: 2 }, () => {
  test('reach the handler of the process, which goes on', async () => {
    const handler = `
      const caught = [];
      process.on('uncaughtException', ({ message }) => caught.push(message));
      process.on('exit', () => console.log(caught.sort().join()));`;
    const { exitCode, stdout, stderr } = await run(`${handler}${serverThat(MANY)}`);
    assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' });
    const twice = ['async', 'microtask', 'rejection', 'tick'].flatMap((name) => [name, name]);
    assert.equal(stdout, `${[...twice, 'client', 'end'].sort().join()}\n`);
  });

  test('end a process, with the error', async () => {
    const monitor = "process.on('uncaughtExceptionMonitor', ({ message }) => console.log(message));";
    for (const [throws, message] of [
      ['socket.resume();', 'end'],
      ["process.nextTick(() => { throw new Error('tick') });", 'tick'],
      ["Promise.reject(new Error('rejection'));", 'rejection'],
    ]) {
      const code = `${monitor}${serverThat(`${throws} socket.write(chunk);`)}`;
      const { exitCode, stdout, stderr } = await run(code.replace("throw new Error('client');", ''));
      assert.deepEqual({ exitCode, stdout }, { exitCode: 1, stdout: `${message}\n` }, stderr);
      assert.match(stderr, new RegExp(`^Error: ${message}$`, 'm'));
    }
  });
});
