/** Descriptors of this process: how many it may have open, and closing one. */

import { readFileSync } from 'node:fs';
import { libc } from '../../ffi/linux/libc.js';
import { uninterrupted } from '../../ffi/worker-table.js';
import { untrackDescriptor } from '../common/resources.js';

/** The soft limit of open files (proc(5)); Infinity when there is none, or it cannot be read. */
export function descriptorsMax(): number {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return soft === undefined ? Infinity : Number(soft);
  } catch {
    return Infinity;
  }
}

/** Closes a descriptor that was written down as opened. */
export function closeDescriptor(descriptor: number): void {
  uninterrupted(() => {
    untrackDescriptor(descriptor);
    libc().close(descriptor);
  });
}
