/** Descriptors of this process: the limit on them, and closing one. */

import { readFileSync } from 'node:fs';
import { libc } from '../../ffi/linux/libc.js';
import { uninterrupted } from '../../ffi/worker-table.js';
import { untrackDescriptor } from '../common/resources.js';

/** The soft limit of open files (proc(5)); Infinity if there is none or it cannot be read. */
export function descriptorsMax(): number {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return soft === undefined ? Infinity : Number(soft);
  } catch {
    return Infinity;
  }
}

/** Closes a descriptor that is tracked as open. */
export function closeDescriptor(descriptor: number): void {
  uninterrupted(() => {
    untrackDescriptor(descriptor);
    libc().close(descriptor);
  });
}
