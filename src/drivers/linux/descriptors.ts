/** How many descriptors this process may have open. */

import { readFileSync } from 'node:fs';

/** The soft limit of open files (proc(5)); Infinity when there is none, or it cannot be read. */
export function descriptorsMax(): number {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return soft === undefined ? Infinity : Number(soft);
  } catch {
    return Infinity;
  }
}
