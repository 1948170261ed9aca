/**
 * Handlers that threads load: lines are orders to send something to many connections, in all threads. Each connection
 * gets its thread's number, and the results of its orders.
 */

import { existsSync, writeFileSync } from 'node:fs';
import type { Connection, ServerInThread, ThreadModule } from 'overlapped';
import { delimited } from 'overlapped/framing';

/** The longest that a thread is held, in ms: a test that has failed does not wait for it. */
const HOLD_MS_MAX = 10_000;

function obey(connection: Connection, server: ServerInThread, line: string): void {
  const [word, first = '', second = '', third = ''] = line.split(' ');
  switch (word) {
    case 'join':
      connection.subscribe(first);
      connection.sendMessage(`joined ${first}`);
      return;
    case 'tell':
      connection.sendMessage(`told ${server.publishMessage(first, second)}`);
      return;
    case 'shout':
      connection.sendMessage(`told ${server.broadcastMessage(first)}`);
      return;
    case 'burst':
      for (let index = 0; index < Number(second); index++) {
        server.publish(first, `${connection.context} ${index}`.padEnd(Number(third), '.').concat('\n'));
      }
      connection.sendMessage('sent');
      return;
    case 'flood':
      // More than may be on the way: the main thread is held until the file is there.
      for (let index = 0; index < Number(second); index++) {
        server.publish(first, Buffer.alloc(100_000));
      }
      writeFileSync(third, '');
      return;
    case 'hold':
      for (const until = Date.now() + HOLD_MS_MAX; !existsSync(first) && Date.now() < until; ) {}
      return;
    case 'exit':
      process.exit(3);
      return;
    case 'throw':
      // Not an error of a handler: the thread dies in this turn.
      process.nextTick(() => {
        throw new Error('thrown');
      });
  }
}

const handlers: ThreadModule = ({ thread, server }) => ({
  framing: delimited(),
  open: (connection) => {
    connection.context = thread;
    connection.sendMessage(`${thread}`);
  },
  message: (connection, message) => obey(connection, server, String(message)),
  error: () => undefined,
});

export default handlers;
