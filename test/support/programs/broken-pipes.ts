/**
 * Sends to peers that have gone, in one batch, and prints the result of each send. With the word `default` no signal is
 * ignored any more: removing the last listener restores SIGPIPE's default action.
 */

import { LinuxNonBlocking } from '../../../src/drivers/linux/non-blocking.js';
import { CallBatch, SEND_CALL } from '../../../src/drivers/readiness/call-batch.js';
import { AF_UNIX, SOCK_NONBLOCK, SOCK_STREAM } from '../../../src/ffi/linux/constants.js';
import { libc } from '../../../src/ffi/linux/libc.js';
import { Slab } from '../../../src/ffi/memory.js';

if (process.argv[2] === 'default') {
  const listener = (): void => undefined;
  process.on('SIGPIPE', listener);
  process.removeListener('SIGPIPE', listener);
}

const memory = new Slab(8);
libc().socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, memory.address);
const [ours, peers] = memory.i32 as unknown as [number, number];
libc().close(peers);
const batch = new CallBatch(3);
for (let index = 0; index < 3; index++) {
  batch.add(SEND_CALL, ours, memory.address, 1);
}
new LinuxNonBlocking(new Set()).makeAll(batch);
console.log(JSON.stringify([...batch.results]));
