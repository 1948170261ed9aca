/** Handlers that threads load: each connection gets its thread's number, and then an echo. Some words are commands instead. */

import type { ThreadModule } from 'overlapped';

function obey(word: string): boolean {
  switch (word) {
    case 'throw':
      // Behind the handler: what a handler throws ends its connection only.
      setImmediate(() => {
        throw new Error('Thrown on demand');
      });
      return true;
    case 'exit':
      return process.exit(3);
    case 'fail':
      throw Object.assign(new Error('Failed on demand'), { code: 'ERR_ON_DEMAND' });
    case 'hoard':
      for (const hoard: unknown[] = []; ; ) {
        hoard.push(Array.from({ length: 100_000 }, (_, index) => index));
      }
    case 'hang':
      for (;;) {}
    default:
      return false;
  }
}

const handlers: ThreadModule = ({ thread }) => ({
  open: (connection) => {
    connection.write(String(thread));
  },
  data: (connection, chunk) => {
    if (chunk.byteLength > 8 || !obey(chunk.toString())) {
      connection.write(chunk);
    }
  },
});

export default handlers;
