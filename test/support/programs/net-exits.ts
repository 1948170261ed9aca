/**
 * Connects with `overlapped/net`, writes, and ends at once in some way. Arguments: the driver, the way, and the port.
 */

import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { isMainThread, Worker } from 'node:worker_threads';

const [, , driver, way, port] = process.argv;
process.env.OVERLAPPED_DRIVER = driver;
const { connect } = await import('overlapped/net');

const WAYS: Readonly<Record<string, (socket: ReturnType<typeof connect>) => void>> = {
  exits(socket) {
    socket.write('last words');
    process.exit();
  },
  throws(socket) {
    socket.write('last words');
    throw new Error('On purpose');
  },
  destroys(socket) {
    socket.write('last words');
    socket.destroy();
    process.exit();
  },
  listener(socket) {
    process.on('exit', () => socket.write('words'));
    process.on('exit', () => socket.end('!'));
    socket.write('last ');
    process.exit();
  },
  again(socket) {
    socket.write('last ');
    setImmediate(() => setImmediate(() => WAYS.exits?.(socket)));
  },
};

if (way === 'worker' && isMainThread) {
  // The process goes on, so only the end of the thread closes its sockets.
  const worker = new Worker(fileURLToPath(import.meta.url), { argv: [driver, way, port] });
  await once(worker, 'exit');
  await once(process.stdin.resume(), 'end');
} else {
  const socket = connect(Number(port), '127.0.0.1');
  // In the call of a listener, where nothing that was written has been posted yet.
  socket.once('connect', () => WAYS[way === 'worker' ? 'exits' : (way as string)]?.(socket));
}
