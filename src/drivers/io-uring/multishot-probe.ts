/**
 * Tests whether this kernel has multishot receive (6.0) and a limit on its bytes (6.17), once for each thread, on a
 * pair of sockets with a ring of their own.
 */

import { lastErrno } from '../../ffi/library.js';
import { AF_UNIX, SHUT_WR, SOCK_CLOEXEC, SOCK_STREAM } from '../../ffi/linux/constants.js';
import { IORING_CQE_F_MORE, IORING_OP_RECV, IORING_RECV_MULTISHOT } from '../../ffi/linux/io-uring.js';
import { libc } from '../../ffi/linux/libc.js';
import { keepUntilHere, Slab } from '../../ffi/memory.js';
import { trackDescriptor } from '../common/resources.js';
import { closeDescriptor } from '../linux/descriptors.js';
import { linuxErrors } from '../linux/errors.js';
import { BUFFER_GROUP, BufferRing } from './buffer-ring.js';
import { CQE_FLAGS, CQE_RES, CQE_WORDS } from './completion-entry.js';
import { findSetup } from './features.js';
import { Ring } from './ring.js';
import { fillEntry, selectBuffer } from './submission-entry.js';

const BUFFERS = { count: 4, sizeBytes: 64, strideBytes: 64 } as const;
const COMPLETION_TIMEOUT_MS = 200;
const ENTER_TRIES_MAX = 5;

export interface MultishotReceive {
  readonly supported: boolean;
  /** Whether `optlen` of the entry limits its bytes. Before Linux 6.17 such an entry fails with EINVAL. */
  readonly limited: boolean;
}

/** The result in this thread: a ring that is only tried counts as locked memory for a while. */
let known: MultishotReceive | undefined;

export function findMultishotReceive(): MultishotReceive {
  known ??= tryMultishot();
  return known;
}

/** The next call of `findMultishotReceive` tries again. */
export function forgetProbe(): void {
  known = undefined;
}

function tryMultishot(): MultishotReceive {
  const pair = new Slab(8);
  if (libc().socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.address) < 0) {
    throw linuxErrors.create(lastErrno(), 'socketpair');
  }
  const [receiver = -1, sender = -1] = pair.i32;
  trackDescriptor(receiver);
  trackDescriptor(sender);
  try {
    return tryOn(new Ring(8, findSetup(new Set()).flags), receiver, sender);
  } finally {
    closeDescriptor(receiver);
    closeDescriptor(sender);
  }
}

function tryOn(ring: Ring, receiver: number, sender: number): MultishotReceive {
  const memory = new Slab(BUFFERS.count * BUFFERS.sizeBytes);
  let buffers: BufferRing | undefined;
  try {
    buffers = new BufferRing(ring, { ...BUFFERS, address: memory.address, memory: memory.u8 });
    buffers.offer();
    // The first byte reaches the limit, which ends the receive; only a receive without a limit continues.
    const first = tryReceive(ring, receiver, sender, memory, 1);
    const second = first.more ? first : tryReceive(ring, receiver, sender, memory, 0);
    libc().shutdown(sender, SHUT_WR);
    // The end of the stream ends the operation, so that none is in flight when the ring is closed.
    for (let { more } = second, tries = 0; more && tries < BUFFERS.count + 1; tries++) {
      ({ more } = nextCompletion(ring));
    }
    return { supported: second.more, limited: first.bytes === 1 && !first.more };
  } finally {
    ring.close();
    // The kernel uses both until here.
    keepUntilHere(buffers, memory);
  }
}

interface Received {
  /** Negative for an error. */
  readonly bytes: number;
  /** Whether more completions come. */
  readonly more: boolean;
}

/** Posts a multishot receive, and sends it one byte. */
function tryReceive(ring: Ring, receiver: number, sender: number, memory: Slab, limitBytes: number): Received {
  const word = ring.next();
  fillEntry(ring.sqes, word, IORING_OP_RECV, receiver, IORING_RECV_MULTISHOT, 0, 0, 0, 0, 0);
  selectBuffer(ring.sqes, word, BUFFER_GROUP, limitBytes);
  libc().write(sender, memory.address, 1);
  return nextCompletion(ring);
}

/** Waits for one completion. */
function nextCompletion(ring: Ring): Received {
  for (let tries = 0; ring.ready === 0; tries++) {
    if (tries === ENTER_TRIES_MAX) {
      return { bytes: 0, more: false };
    }
    // A signal or a shortage of memory may end it early.
    ring.enter(COMPLETION_TIMEOUT_MS);
  }
  const word = ring.cqes + (ring.head & ring.cqMask) * CQE_WORDS;
  const bytes = ring.words[word + CQE_RES] as number;
  const flags = ring.words[word + CQE_FLAGS] as number;
  ring.advance((ring.head + 1) | 0);
  return { bytes, more: (flags & IORING_CQE_F_MORE) !== 0 };
}
