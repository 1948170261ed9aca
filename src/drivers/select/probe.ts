/** Whether select can be used here. */

import { lastErrno } from '../../ffi/library.js';
import { libc } from '../../ffi/linux/libc.js';
import { timeval } from '../../ffi/linux/structs.js';
import { Slab } from '../../ffi/memory.js';
import type { Probe } from '../driver.js';
import { linuxErrors } from '../linux/errors.js';

export function probeSelect(): Probe {
  const noTime = new Slab(timeval.size);
  if (libc().select(0, 0, 0, 0, noTime.address) < 0) {
    return {
      usable: false,
      reason: `select failed with ${linuxErrors.codeOf(lastErrno())}`,
      advice: 'use the driver epoll',
    };
  }
  return { usable: true };
}
