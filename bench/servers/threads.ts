/** Servers on many threads: `node dist/bench/servers/threads.js DRIVER DISTRIBUTION THREADS ROLE`. */

import { type Distribution, type DriverChoice, listen } from 'overlapped';
import { collectWhenAsked } from './memory-in-use.js';
import { BACKLOG, HOST, type Role, sayPort } from './roles.js';

const [driver, distribution, threads, role] = process.argv.slice(2) as [DriverChoice, Distribution, string, Role];

const server = await listen({
  host: HOST,
  port: 0,
  backlog: BACKLOG,
  driver,
  distribution,
  threads: Number(threads),
  module: new URL('./thread-handlers.js', import.meta.url),
  threadData: role,
});
await collectWhenAsked();
sayPort(server.port as number);
