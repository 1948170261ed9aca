/** Time spans as structs of the kernel. */

import { timespec, timeval } from '../../ffi/linux/structs.js';
import type { Slab } from '../../ffi/memory.js';
import { restOf, secondsOf } from '../common/time-span.js';

/** Writes a `struct __kernel_timespec` at a byte offset. */
export function setTimespec(slab: Slab, byteOffset: number, timeoutMs: number): void {
  slab.setAddress(byteOffset + timespec.tv_sec, secondsOf(timeoutMs));
  slab.setAddress(byteOffset + timespec.tv_nsec, restOf(timeoutMs, 1e9));
}

/** Writes a `struct timeval` at a byte offset. */
export function setTimeval(slab: Slab, byteOffset: number, timeoutMs: number): void {
  slab.setAddress(byteOffset + timeval.tv_sec, secondsOf(timeoutMs));
  slab.setAddress(byteOffset + timeval.tv_usec, restOf(timeoutMs, 1e6));
}
