/** Whether this kernel has multishot receive (6.0): tried once, on a pair of sockets with a ring of their own. */

import { lastErrno } from '../../ffi/library.js';
import { AF_UNIX, SHUT_WR, SOCK_CLOEXEC, SOCK_STREAM } from '../../ffi/linux/constants.js';
import {
  IORING_CQE_F_MORE,
  IORING_OP_RECV,
  IORING_RECV_MULTISHOT,
  IOSQE_BUFFER_SELECT,
} from '../../ffi/linux/io-uring.js';
import { libc } from '../../ffi/linux/libc.js';
import { keepUntilHere, Slab } from '../../ffi/memory.js';
import { opened } from '../ledger.js';
import { closeDescriptor } from '../linux/descriptors.js';
import { linuxErrors } from '../linux/errors.js';
import { BUFFER_GROUP, BufferRing } from './buffer-ring.js';
import { findSetup } from './features.js';
import { Ring } from './ring.js';

const BUFFERS = { count: 2, sizeBytes: 64, strideBytes: 64 } as const;
const COMPLETION_TIMEOUT_MS = 200;
const ENTER_TRIES_MAX = 5;

let known: boolean | undefined;

export function receivesMultishot(): boolean {
  known ??= tryMultishot();
  return known;
}

export function forgetProbe(): void {
  known = undefined;
}

function tryMultishot(): boolean {
  const pair = new Slab(8);
  if (libc().socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.address) < 0) {
    throw linuxErrors.create(lastErrno(), 'socketpair');
  }
  const [receiver = -1, sender = -1] = pair.i32;
  opened(receiver);
  opened(sender);
  try {
    return tryOn(new Ring(8, findSetup(new Set()).flags), receiver, sender);
  } finally {
    closeDescriptor(receiver);
    closeDescriptor(sender);
  }
}

function tryOn(ring: Ring, receiver: number, sender: number): boolean {
  const memory = new Slab(BUFFERS.count * BUFFERS.sizeBytes);
  let buffers: BufferRing | undefined;
  try {
    buffers = new BufferRing(ring, { ...BUFFERS, address: memory.address, memory: memory.u8 });
    buffers.offer();
    const word = ring.next();
    ring.sqes[word] = IORING_OP_RECV | (IOSQE_BUFFER_SELECT << 8) | (IORING_RECV_MULTISHOT << 16);
    ring.sqes[word + 1] = receiver;
    ring.sqes[word + 10] = BUFFER_GROUP;
    libc().write(sender, memory.address, 1);
    const goesOn = nextCompletionGoesOn(ring);
    libc().shutdown(sender, SHUT_WR);
    // The end of the stream ends the operation: nothing of it is left when the ring goes.
    for (let more = goesOn, tries = 0; more && tries < BUFFERS.count + 1; tries++) {
      more = nextCompletionGoesOn(ring);
    }
    return goesOn;
  } finally {
    ring.close();
    // The kernel has found the buffers in the one, and filled the other.
    keepUntilHere(buffers, memory);
  }
}

/** Waits for one completion; whether it says that more will come. */
function nextCompletionGoesOn(ring: Ring): boolean {
  for (let tries = 0; ring.ready === 0; tries++) {
    if (tries === ENTER_TRIES_MAX) {
      return false;
    }
    // A signal, or a shortage of memory, ends it early.
    ring.enter(COMPLETION_TIMEOUT_MS);
  }
  const flags = ring.words[ring.cqes + ((ring.head & ring.cqMask) << 2) + 3] as number;
  ring.advance((ring.head + 1) | 0);
  return (flags & IORING_CQE_F_MORE) !== 0;
}
