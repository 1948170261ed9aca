/** Sends with urgent data in the middle, which Node has no call for. */

import { MSG_NOSIGNAL } from '../../src/ffi/linux/constants.js';
import { libc } from '../../src/ffi/linux/libc.js';
import { Slab } from '../../src/ffi/memory.js';

/** A receiver that does not ask for it never sees the urgent byte (tcp(7)). */
const MSG_OOB = 1;

export function sendUrgent(socket: number, before: string, urgent: string, behind: string): void {
  const memory = new Slab(128);
  memory.u8.set(Buffer.from(before + urgent + behind));
  const { address } = memory;
  libc().send(socket, address, before.length, MSG_NOSIGNAL);
  libc().send(socket, address + before.length, urgent.length, MSG_OOB | MSG_NOSIGNAL);
  libc().send(socket, address + before.length + urgent.length, behind.length, MSG_NOSIGNAL);
}
