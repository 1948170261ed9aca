/** How sockets and servers end. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, connectionOf, createServer } from 'overlapped/net';
import { alone, bytesOf, listening, portOf, withPair } from './pair.js';

export function ends(): void {
  withPair('a reset is an error and never an end', async ({ client, accepted }) => {
    const events: string[] = [];
    accepted.resume();
    accepted.on('end', () => events.push('end'));
    accepted.on('error', (error: NodeJS.ErrnoException) => events.push(`${error.code} ${error.syscall}`));
    accepted.on('close', (hadError) => events.push(`close ${hadError}`));
    client.resetAndDestroy();
    await new Promise<void>((resolve) => accepted.once('close', () => resolve()));
    assert.deepEqual(events, ['ECONNRESET read', 'close true']);
    assert.equal(await connectionOf(accepted)?.closed, 'peer_reset');
  });

  withPair('both sides end: end, finish, close on each', async ({ client, accepted }) => {
    const log = (socket: typeof client): string[] => {
      const events: string[] = [];
      for (const event of ['end', 'finish', 'close']) {
        socket.on(event, () => events.push(event));
      }
      return events;
    };
    const [ours, theirs] = [log(client), log(accepted)];
    accepted.resume();
    client.resume();
    const closes = Promise.all([once(client, 'close'), once(accepted, 'close')]);
    client.end('hello');
    await closes;
    assert.deepEqual(ours.toSorted(), ['close', 'end', 'finish']);
    assert.equal(ours.at(-1), 'close');
    assert.deepEqual(theirs, ['end', 'finish', 'close']);
    assert.equal(await connectionOf(accepted)?.closed, 'finished');
  });

  alone('a port is free again when the server has closed', async () => {
    const first = await listening(createServer());
    const port = portOf(first);
    first.close();
    await once(first, 'close');
    const second = createServer().listen(port, '127.0.0.1');
    await once(second, 'listening');
    second.close();
    await once(second, 'close');
  });

  withPair('a server waits for its connections, and lets them finish', async ({ server, client, accepted }) => {
    let serverClosed = false;
    server.close(() => {
      serverClosed = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(serverClosed, false);
    accepted.end('answer');
    assert.equal(String(await bytesOf(client)), 'answer');
    await once(server, 'close');
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });

  alone('a socket connects again after its close', async () => {
    const server = await listening(createServer((socket) => socket.end('hello')));
    const socket = connect(portOf(server), '127.0.0.1');
    for (let count = 0; count < 3; count++) {
      let text = '';
      socket.removeAllListeners('data');
      socket.on('data', (chunk) => {
        text += chunk;
      });
      await once(socket, 'close');
      assert.equal(text, 'hello');
      socket.connect(portOf(server), '127.0.0.1');
    }
    await once(socket, 'close');
    server.close();
    await once(server, 'close');
  });

  alone('many connections come and go, and the engine keeps nothing of them', async () => {
    const server = await listening(createServer((socket) => socket.on('error', () => undefined).pipe(socket)));
    for (let round = 0; round < 20; round++) {
      await Promise.all(
        Array.from({ length: 20 }, async (_, index) => {
          const socket = connect(portOf(server), '127.0.0.1').on('error', () => undefined);
          await once(socket, 'connect');
          socket.write('x');
          if (index % 3 === 0) {
            socket.resetAndDestroy();
          } else if (index % 3 === 1) {
            socket.destroy();
          } else {
            socket.end();
            socket.resume();
          }
          await once(socket, 'close');
        }),
      );
    }
    server.close();
    await once(server, 'close');
    assert.equal(server.listening, false);
  });
}
