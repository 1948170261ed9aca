/**
 * The thread that owns a socket, stored on the socket itself as its receive timeout, which has no effect as no receive
 * blocks. A listener's sockets inherit it, even those that the thread has not accepted yet. So all sockets of a dead
 * thread can be found, and nobody has to count them while it runs.
 */

import { readdirSync } from 'node:fs';
import { threadId } from 'node:worker_threads';
import { SO_RCVTIMEO, SOL_SOCKET } from '../../ffi/linux/constants.js';
import { libc } from '../../ffi/linux/libc.js';
import { timeval } from '../../ffi/linux/structs.js';
import { lazySlab } from '../../ffi/memory.js';
import { trackOwnedSocket } from '../common/resources.js';

/** Receive timeout of a socket of thread 0, in seconds: over thirty years, which no program sets. */
const OWNER_SECONDS = 1_000_000_000;

/** The timeout, and the length argument of getsockopt after it. */
const memory = lazySlab(timeval.size + 4);

/** Makes a thread the owner of a socket: the socket is closed if that thread dies. */
export function setOwner(socket: number, thread: number): void {
  const slab = memory();
  slab.u8.fill(0);
  slab.setAddress(timeval.tv_sec, OWNER_SECONDS + thread);
  // If this fails, the socket is closed already, and its first operation reports that.
  libc().setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, slab.address, timeval.size);
}

/** Makes this thread the owner of a new socket, if another thread would reclaim it. */
export function setOwnerToThisThread(socket: number): void {
  if (trackOwnedSocket()) {
    setOwner(socket, threadId);
  }
}

function isOwnedBy(descriptor: number, thread: number): boolean {
  const slab = memory();
  slab.u32[timeval.size >> 2] = timeval.size;
  const { address } = slab;
  const result = libc().getsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, address, address + timeval.size);
  return result === 0 && slab.addressAt(timeval.tv_sec) === OWNER_SECONDS + thread;
}

/** The sockets of this process that a thread owns. Takes about a microsecond for each descriptor of the process. */
export function ownedSockets(thread: number): readonly number[] {
  return readdirSync('/proc/self/fd')
    .map(Number)
    .filter((descriptor) => isOwnedBy(descriptor, thread));
}
