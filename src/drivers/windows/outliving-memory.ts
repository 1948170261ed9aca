/**
 * Memory that outlives its thread. A worker that is terminated runs no more code, so its operations are still in progress
 * when Node frees its ArrayBuffers, and the system would write received bytes into memory that has another owner by then.
 * In a worker, all memory that the system touches between calls therefore comes from the system itself. While the thread
 * lives, the garbage collector frees it like any other; afterwards the thread that has started the worker does
 * (`reclaim.ts`).
 */

import { isMainThread } from 'node:worker_threads';
import { OperationError } from '../../base/errors.js';
import { viewOf } from '../../ffi/library.js';
import { Slab } from '../../ffi/memory.js';
import { MEM_COMMIT, MEM_RELEASE, MEM_RESERVE, PAGE_READWRITE } from '../../ffi/windows/constants.js';
import { kernel32 } from '../../ffi/windows/kernel32.js';
import { uninterrupted } from '../../ffi/worker-table.js';
import { type Mapping, trackMapping, untrackMapping } from '../common/resources.js';

const collected = new FinalizationRegistry(free);

/** A slab of zeroed memory that the system may touch after this thread has died. */
export function outlivingSlab(byteLength: number, alignment?: number): Slab {
  // The memory of the main thread is freed with the process.
  return new Slab(byteLength, alignment, isMainThread ? undefined : allocate);
}

function allocate(byteLength: number): ArrayBuffer {
  const address = outlivingPages(byteLength);
  if (address === 0) {
    throw new OperationError({ code: 'ENOMEM', reason: `No memory: ${byteLength} bytes`, syscall: 'VirtualAlloc' });
  }
  const memory = viewOf(address, byteLength);
  collected.register(memory, { address, byteLength });
  return memory;
}

/** The address of zeroed memory that lives until this thread has ended; 0 if there is none. */
export function outlivingPages(byteLength: number): number {
  return uninterrupted(() => {
    const address = kernel32().VirtualAlloc(0, byteLength, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    if (address !== 0) {
      trackMapping({ address, byteLength });
    }
    return address;
  });
}

function free(mapping: Mapping): void {
  uninterrupted(() => {
    untrackMapping(mapping);
    freePages(mapping);
  });
}

/** Frees such memory, which nobody uses any more. */
export function freePages({ address }: Mapping): void {
  kernel32().VirtualFree(address, 0, MEM_RELEASE);
}
