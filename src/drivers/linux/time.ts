/** Time spans in the kernel's forms, rounded up: a wait may last longer than asked, not shorter. */

import { timespec, timeval } from '../../ffi/linux/structs.js';
import type { Slab } from '../../ffi/memory.js';

/** The longest span that is written out, in ms: nearly 25 days, as with Node's timers. */
const SPAN_MS_MAX = 2 ** 31 - 1;

/** Writes a `struct __kernel_timespec` at a byte offset. */
export function setTimespec(slab: Slab, byteOffset: number, timeoutMs: number): void {
  const spanMs = Math.min(timeoutMs, SPAN_MS_MAX);
  const seconds = Math.floor(spanMs / 1000);
  slab.setAddress(byteOffset + timespec.tv_sec, seconds);
  slab.setAddress(byteOffset + timespec.tv_nsec, Math.min(999_999_999, Math.ceil((spanMs - 1000 * seconds) * 1e6)));
}

/** Writes a `struct timeval` at a byte offset. */
export function setTimeval(slab: Slab, byteOffset: number, timeoutMs: number): void {
  const spanMs = Math.min(timeoutMs, SPAN_MS_MAX);
  const seconds = Math.floor(spanMs / 1000);
  slab.setAddress(byteOffset + timeval.tv_sec, seconds);
  slab.setAddress(byteOffset + timeval.tv_usec, Math.min(999_999, Math.ceil((spanMs - 1000 * seconds) * 1e3)));
}
