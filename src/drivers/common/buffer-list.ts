/** Gathered sends of any size, for drivers that send less at once: the layer above sends the rest when a part is taken. */

import type { BufferList } from '../driver.js';

/** Cuts a gathered send after `bytesMax` bytes; returns how many it has. */
export function shorten(gather: BufferList, bytesMax: number): number {
  let left = bytesMax;
  for (let index = 0; index < gather.count; index++) {
    const length = gather.lengths[index] as number;
    if (length >= left) {
      gather.lengths[index] = left;
      gather.count = index + 1;
      return bytesMax;
    }
    left -= length;
  }
  return bytesMax - left;
}
