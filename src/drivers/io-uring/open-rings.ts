/** Opening the rings of a driver, as large as the memory that may be locked allows. */

import { OperationError } from '../../base/errors.js';
import { blockThread } from '../common/block-thread.js';
import type { ReceiveBuffers } from '../driver.js';
import { BufferRing } from './buffer-ring.js';
import { Ring } from './ring.js';

/** Rings are not made smaller than this: below it a turn of a busy port enters the kernel many times. */
const SUBMISSION_ENTRIES_MIN = 64;

export interface Rings {
  readonly ring: Ring;
  readonly buffers: BufferRing;
}

/**
 * The memory of a ring that was closed counts as locked for a while, as the kernel gives it back later (25 to 46 ms were
 * seen on 6.18). Opening waits for as long, where memory is short and rings were only tried.
 */
const GIVEN_BACK_AFTER_MS = 60;

/**
 * Opens rings with as many submission entries as are wanted, or half as many, and so on, while there is not memory enough
 * that may be locked: RLIMIT_MEMLOCK counts the rings of users without CAP_IPC_LOCK (seen on kernel 6.18; on all up to
 * 5.11), and is 64 KiB in many containers.
 */
export function openRings(entriesWanted: number, flags: number, buffers: ReceiveBuffers): Rings {
  try {
    return openLargest(entriesWanted, flags, buffers);
  } catch (error) {
    if (!isShortage(error)) {
      throw error;
    }
    blockThread(GIVEN_BACK_AFTER_MS);
    return openLargest(entriesWanted, flags, buffers);
  }
}

function openLargest(entriesWanted: number, flags: number, buffers: ReceiveBuffers): Rings {
  for (let entries = entriesWanted; ; entries /= 2) {
    try {
      return open(entries, flags, buffers);
    } catch (error) {
      if (!isShortage(error) || entries <= SUBMISSION_ENTRIES_MIN) {
        throw error;
      }
    }
  }
}

function open(entries: number, flags: number, receiveBuffers: ReceiveBuffers): Rings {
  const ring = new Ring(entries, flags);
  try {
    return { ring, buffers: new BufferRing(ring, receiveBuffers) };
  } catch (error) {
    ring.close();
    if (isShortage(error)) {
      blockThread(GIVEN_BACK_AFTER_MS);
    }
    throw error;
  }
}

function isShortage(error: unknown): boolean {
  return error instanceof OperationError && error.code === 'ENOMEM';
}
