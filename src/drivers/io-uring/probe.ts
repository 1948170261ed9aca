/**
 * Whether this system can run the driver io_uring: containers and a sysctl often refuse it, and old kernels lack
 * features.
 */

import { existsSync, readFileSync } from 'node:fs';
import { OperationError } from '../../base/errors.js';
import type { Probe, ProbeOptions, Refusal } from '../driver.js';
import { DEFER_TASKRUN, findSetup } from './features.js';
import { findMultishotReceive } from './multishot-probe.js';

const DISABLED_SYSCTL = '/proc/sys/kernel/io_uring_disabled';

/**
 * Without DEFER_TASKRUN the kernel carries out operations in any system call of the thread that posted them. A
 * terminated worker frees its memory by system calls while its ring still has receives, so the kernel would write
 * received bytes into freed memory (seen on 6.18). With DEFER_TASKRUN only io_uring_enter carries them out, which a
 * terminated worker does not call.
 */
const UNSAFE_IN_WORKER: Refusal = {
  usable: false,
  reason: 'without DEFER_TASKRUN (Linux 6.1) a ring could write into freed memory after its worker is terminated',
  advice: 'run Linux 6.1 or later, use the driver epoll in workers, or open the port in the main thread',
};

/**
 * Sets a ring up, registers with it and enters it, because each of the three calls may be refused alone. If that has
 * worked once in this thread, it is not tried again.
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

/** Explains a failed system call, of the probe or of opening the driver. */
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
            reason: `io_uring is disabled on this system (the sysctl kernel.io_uring_disabled is ${level})`,
            advice: 'set the sysctl kernel.io_uring_disabled to 0, or use the driver epoll',
          };
    }
    case 'ENOMEM':
      return {
        reason: `the limit of locked memory is too low even for a small ring (${syscall} failed with ENOMEM)`,
        advice: 'raise the limit of locked memory (ulimit -l), or use the driver epoll',
      };
    case 'EINVAL':
      return {
        reason: `this kernel's io_uring is older than Linux 5.19 (${syscall} failed with EINVAL)`,
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
    reason: `io_uring is not permitted, probably by a container's seccomp profile (${syscall} failed with ${code})`,
    advice: 'allow the io_uring system calls in the seccomp profile, or use the driver epoll',
  };
}
