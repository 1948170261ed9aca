/** Opens the rings of a driver, as large as the limit of locked memory allows. */

import { OperationError } from '../../base/errors.js';
import { sleep } from '../common/sleep.js';
import type { ReceiveBuffers } from '../driver.js';
import { BufferRing } from './buffer-ring.js';
import { Ring } from './ring.js';

/** Minimum submission entries: with fewer, a turn of a busy port would enter the kernel many times. */
const SUBMISSION_ENTRIES_MIN = 64;

export interface Rings {
  readonly ring: Ring;
  readonly buffers: BufferRing;
}

/**
 * The memory of a closed ring counts as locked until the kernel frees it, in ms (25 to 46 were seen on 6.18). If memory
 * is short after rings were tried, opening waits this long.
 */
const FREED_AFTER_MS = 60;

/**
 * Opens rings with `entriesWanted` submission entries, or with half as many, and so on, until the limit of locked
 * memory suffices. RLIMIT_MEMLOCK limits the rings of users without CAP_IPC_LOCK (seen on kernel 6.18; on all kernels
 * up to 5.11), and is 64 KiB in many containers.
 */
export function openRings(entriesWanted: number, flags: number, buffers: ReceiveBuffers): Rings {
  try {
    return openLargest(entriesWanted, flags, buffers);
  } catch (error) {
    if (!isShortage(error)) {
      throw error;
    }
    sleep(FREED_AFTER_MS);
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
      sleep(FREED_AFTER_MS);
    }
    throw error;
  }
}

function isShortage(error: unknown): boolean {
  return error instanceof OperationError && error.code === 'ENOMEM';
}
