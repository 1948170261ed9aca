/** Limits the size of gathered sends. The layer above sends the rest when a part was taken. */

import type { BufferList } from '../driver.js';

/** Truncates a gathered send to `bytesMax` bytes; returns its number of bytes. */
export function truncate(pieces: BufferList, bytesMax: number): number {
  let left = bytesMax;
  for (let index = 0; index < pieces.count; index++) {
    const length = pieces.lengths[index] as number;
    if (length >= left) {
      pieces.lengths[index] = left;
      pieces.count = index + 1;
      return bytesMax;
    }
    left -= length;
  }
  return bytesMax - left;
}
