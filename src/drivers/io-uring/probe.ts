/** Whether io_uring can be used here: containers and sysctl often refuse it, and old kernels lack what is needed. */

import { existsSync, readFileSync } from 'node:fs';
import { OperationError } from '../../base/errors.js';
import type { Probe, ProbeOptions, Refusal } from '../driver.js';
import { DEFER_TASKRUN, findSetup } from './features.js';
import { findMultishotReceive } from './multishot-probe.js';

const DISABLED_SYSCTL = '/proc/sys/kernel/io_uring_disabled';

/**
 * Without DEFER_TASKRUN the kernel carries out operations in any system call of the thread that posted them. A worker that
 * is terminated frees its memory by such calls while its ring still has receives, so received bytes would be written into
 * memory that is somebody else's by then (seen on 6.18). With DEFER_TASKRUN only entering the ring carries them out, and
 * nobody enters the ring of a terminated worker.
 */
const UNSAFE_IN_WORKER: Refusal = {
  usable: false,
  reason: 'a ring without DEFER_TASKRUN (Linux 6.1) would receive into freed memory when a worker is terminated',
  advice: 'run Linux 6.1 or later, use the driver epoll in workers, or open the port in the main thread',
};

/**
 * Sets a ring up, registers with it and enters it: each of the three calls may be refused alone. What has worked once in
 * this thread is not tried again.
 */
export function probeIoUring({ disabledFeatures, inWorker }: ProbeOptions): Probe {
  try {
    findMultishotReceive();
    const isSafe = !inWorker || findSetup(disabledFeatures).features.includes(DEFER_TASKRUN);
    return isSafe ? { usable: true } : UNSAFE_IN_WORKER;
  } catch (error) {
    if (error instanceof OperationError) {
      return refuseIoUring(error);
    }
    throw error;
  }
}

/** What a system call that failed means for the driver, in the probe or when it is opened. */
export function refuseIoUring({ code, syscall }: OperationError): Refusal {
  return { usable: false, code, ...explain(code, syscall) };
}

function explain(code: string, syscall: string): Pick<Refusal, 'reason' | 'advice'> {
  switch (code) {
    case 'ENOSYS':
      return syscall === 'io_uring_setup'
        ? {
            reason: 'this kernel has no io_uring (io_uring_setup failed with ENOSYS)',
            advice: 'run Linux 5.19 or later, allow io_uring in the container, or use the driver epoll',
          }
        : refused(code, syscall);
    case 'EPERM':
    case 'EACCES': {
      const level = existsSync(DISABLED_SYSCTL) ? readFileSync(DISABLED_SYSCTL, 'utf8').trim() : '0';
      return level === '0'
        ? refused(code, syscall)
        : {
            reason: `io_uring is switched off on this system (kernel.io_uring_disabled is ${level})`,
            advice: 'set the sysctl kernel.io_uring_disabled to 0, or use the driver epoll',
          };
    }
    case 'ENOMEM':
      return {
        reason: `there is not enough memory that may be locked, even for a small ring (${syscall} failed with ENOMEM)`,
        advice: 'raise the limit of locked memory (ulimit -l), or use the driver epoll',
      };
    case 'EINVAL':
      return {
        reason: `this kernel has io_uring, but not what came with Linux 5.19 (${syscall} failed with EINVAL)`,
        advice: 'run Linux 5.19 or later (6.1 for the best speed), or use the driver epoll',
      };
    case 'EMFILE':
    case 'ENFILE':
      return { reason: `${syscall} failed with ${code}`, advice: 'raise the limit of open files (ulimit -n)' };
    default:
      return { reason: `${syscall} failed with ${code}`, advice: 'use the driver epoll' };
  }
}

function refused(code: string, syscall: string): Pick<Refusal, 'reason' | 'advice'> {
  return {
    reason: `io_uring is refused here, as containers do by seccomp (${syscall} failed with ${code})`,
    advice: 'allow the io_uring system calls in the seccomp profile, or use the driver epoll',
  };
}
