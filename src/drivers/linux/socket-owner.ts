/**
 * Which thread a socket belongs to, written on the socket itself: as its receive timeout, which means nothing where no
 * receive waits. A socket that a listener accepts has the listener's, also one that the thread has not seen yet. So
 * when a thread has died, all of its sockets are found, without any count of them meanwhile.
 */

import { readdirSync } from 'node:fs';
import { threadId } from 'node:worker_threads';
import { SO_RCVTIMEO, SOL_SOCKET } from '../../ffi/linux/constants.js';
import { libc } from '../../ffi/linux/libc.js';
import { timeval } from '../../ffi/linux/structs.js';
import { Slab } from '../../ffi/memory.js';
import { trackMarkedSocket } from '../common/resources.js';

/** Seconds of the mark of thread 0: over thirty years, which nobody sets. */
const MARK_SECONDS = 1_000_000_000;

let scratch: Slab | undefined;

function memory(): Slab {
  scratch ??= new Slab(timeval.size + 8);
  return scratch;
}

/** From now on the socket is the thread's: given back to the system when that thread has died. */
export function markSocket(socket: number, thread: number): void {
  const slab = memory();
  slab.u8.fill(0);
  slab.setAddress(timeval.tv_sec, MARK_SECONDS + thread);
  // On what is no socket any more, its first operation tells.
  libc().setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, slab.address, timeval.size);
}

/** The same for a new socket of this thread, if somebody looks after its death. */
export function markOwnSocket(socket: number): void {
  if (trackMarkedSocket()) {
    markSocket(socket, threadId);
  }
}

function hasMark(descriptor: number, thread: number): boolean {
  const slab = memory();
  slab.u32[timeval.size >> 2] = timeval.size;
  const { address } = slab;
  const result = libc().getsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, address, address + timeval.size);
  return result === 0 && slab.addressAt(timeval.tv_sec) === MARK_SECONDS + thread;
}

/** The sockets of this process with the mark of a thread. Takes about a microsecond for each descriptor of the process. */
export function markedSockets(thread: number): readonly number[] {
  return readdirSync('/proc/self/fd')
    .map(Number)
    .filter((descriptor) => hasMark(descriptor, thread));
}
