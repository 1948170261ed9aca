/** Whether io_uring can be used here: containers and sysctl often refuse it, and old kernels lack what is needed. */

import { existsSync, readFileSync } from 'node:fs';
import {
  IORING_SETUP_COOP_TASKRUN,
  IORING_SETUP_SUBMIT_ALL,
  IORING_SETUP_TASKRUN_FLAG,
} from '../../ffi/linux/io-uring.js';
import type { Probe } from '../driver.js';
import { OperationError } from '../error.js';
import { acceptsSetup } from './ring.js';

const DISABLED_SYSCTL = '/proc/sys/kernel/io_uring_disabled';

export function probeIoUring(): Probe {
  try {
    if (acceptsSetup(IORING_SETUP_SUBMIT_ALL | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG)) {
      return { usable: true };
    }
    return {
      usable: false,
      reason: 'this kernel has io_uring, but not what came with Linux 5.19',
      advice: 'run Linux 5.19 or later (6.1 for the best speed), or use the driver epoll',
    };
  } catch (error) {
    if (error instanceof OperationError) {
      return refused(error.code);
    }
    throw error;
  }
}

function refused(code: string): Probe {
  switch (code) {
    case 'ENOSYS':
      return {
        usable: false,
        reason: 'this kernel has no io_uring (io_uring_setup failed with ENOSYS)',
        advice: 'run Linux 5.19 or later, allow io_uring in the container, or use the driver epoll',
      };
    case 'EPERM':
    case 'EACCES': {
      const level = existsSync(DISABLED_SYSCTL) ? readFileSync(DISABLED_SYSCTL, 'utf8').trim() : '0';
      return level === '0'
        ? {
            usable: false,
            reason: `io_uring is refused here, as containers do by seccomp (io_uring_setup failed with ${code})`,
            advice: 'allow the io_uring system calls in the seccomp profile, or use the driver epoll',
          }
        : {
            usable: false,
            reason: `io_uring is switched off on this system (kernel.io_uring_disabled is ${level})`,
            advice: 'set the sysctl kernel.io_uring_disabled to 0, or use the driver epoll',
          };
    }
    default:
      return {
        usable: false,
        reason: `io_uring_setup failed with ${code}`,
        advice: code === 'ENOMEM' ? 'raise the limit of locked memory (ulimit -l)' : 'use the driver epoll',
      };
  }
}
