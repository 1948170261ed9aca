/** Time spans as structs of Winsock. */

import type { Slab } from '../../ffi/memory.js';
import { timeval } from '../../ffi/windows/structs.js';
import { restOf, secondsOf } from '../common/time-span.js';

/** Writes a `struct timeval` at a byte offset. */
export function setTimeval(slab: Slab, byteOffset: number, timeoutMs: number): void {
  slab.i32[(byteOffset + timeval.tv_sec) >> 2] = secondsOf(timeoutMs);
  slab.i32[(byteOffset + timeval.tv_usec) >> 2] = restOf(timeoutMs, 1e6);
}
