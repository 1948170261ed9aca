/** `overlapped/net` on the driver `iocp`, and the named pipes of Windows, which stay Node's own. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import nodeNet from 'node:net';
import { describe } from 'node:test';
import { alone } from './pair.js';

process.env.OVERLAPPED_DRIVER = 'iocp';
const { connect, createServer, Socket } = await import('overlapped/net');
const { ends } = await import('./ends.js');
const { reading } = await import('./reading.js');
const { writing } = await import('./writing.js');

const TOPICS = { writing, reading, ends };

describe('overlapped/net on iocp', () => {
  for (const [name, topic] of Object.entries(TOPICS)) {
    describe(name, () => topic());
  }

  alone('a named pipe is served and connected by Node', async () => {
    const path = `\\\\.\\pipe\\overlapped-${process.pid}`;
    const server = createServer((socket) => socket.end('hello')).listen(path);
    await once(server, 'listening');
    assert.equal(server.address(), path);
    for (const client of [connect(path), new Socket().connect(path)]) {
      assert(client instanceof nodeNet.Socket);
      const [text] = await once(client, 'data');
      assert.equal(String(text), 'hello');
      client.destroy();
      await once(client, 'close');
    }
    server.close();
    await once(server, 'close');
    await assert.rejects(once(connect('no-pipe'), 'connect'), { code: 'ENOENT', syscall: 'connect' });
  });
});
