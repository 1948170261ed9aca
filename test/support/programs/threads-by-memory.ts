/** A server on as many threads as the argument says: prints the driver of each, and how many clients were echoed. */

import { connect, listen } from 'overlapped';
import { programPath } from '../child.js';

const threads = Number(process.argv[2]);
const server = await listen({ threads, module: programPath('echo-handlers'), host: '127.0.0.1', port: 0 });
const { address } = server;
if (address.family === 'unix') {
  throw new Error('A Unix address');
}
let echoed = 0;
for (let count = 0; count < 3 * threads; count++) {
  await new Promise<void>((resolve, reject) => {
    let said = '';
    connect({
      host: address.address,
      port: address.port,
      data(connection, chunk) {
        said += String(chunk);
        // The thread sends its number first.
        if (said.length === 1) {
          connection.write('ping');
        } else if (said.slice(1) === 'ping') {
          echoed++;
          connection.destroy();
        }
      },
      close: () => resolve(),
    }).catch(reject);
  });
}
const statistics = await server.statistics();
const drivers = statistics.threads.map((thread) => thread.statistics?.engine.driver);
await server.close({ deadlineMs: 0 });
console.log(JSON.stringify({ drivers, echoed }));
