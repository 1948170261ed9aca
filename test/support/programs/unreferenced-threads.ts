/** A server on two threads that does not keep the process alive. Argument: the driver. */

import { type DriverChoice, listen } from 'overlapped';
import { programPath } from '../child.js';

const server = await listen({
  host: '127.0.0.1',
  port: 0,
  driver: process.argv[2] as DriverChoice,
  threads: 2,
  module: programPath('echo-handlers'),
});
server.unref();
console.log('unreferenced');
