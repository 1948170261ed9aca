/** Whether this system can run the driver epoll: tries to create an epoll set. */

import { lastErrno } from '../../ffi/library.js';
import { EPOLL_CLOEXEC } from '../../ffi/linux/constants.js';
import { libc } from '../../ffi/linux/libc.js';
import type { Probe } from '../driver.js';
import { linuxErrors } from '../linux/errors.js';

export function probeEpoll(): Probe {
  const descriptor = libc().epoll_create1(EPOLL_CLOEXEC);
  if (descriptor < 0) {
    const errno = lastErrno();
    return {
      usable: false,
      code: linuxErrors.codeOf(errno),
      reason: `epoll_create1 failed with ${linuxErrors.codeOf(errno)}`,
      advice: 'raise the limit of open files (ulimit -n), or use the driver select',
    };
  }
  libc().close(descriptor);
  return { usable: true };
}
