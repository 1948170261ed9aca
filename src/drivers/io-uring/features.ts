/** What this kernel's io_uring offers, found by trying it. Kernel 5.19 is the least: it has provided-buffer rings. */

import {
  IORING_SETUP_COOP_TASKRUN,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_NO_SQARRAY,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SUBMIT_ALL,
  IORING_SETUP_TASKRUN_FLAG,
} from '../../ffi/linux/io-uring.js';
import { acceptsSetup } from './ring.js';

/** What every ring is set up with. */
const BASE_FLAGS = IORING_SETUP_SUBMIT_ALL | IORING_SETUP_TASKRUN_FLAG;

/** Set-up features that are tried, each with the flags that stand for it and those it replaces when it is there. */
export const OPTIONAL_SETUP = [
  { name: 'single_issuer', flags: IORING_SETUP_SINGLE_ISSUER },
  { name: 'defer_taskrun', flags: IORING_SETUP_DEFER_TASKRUN },
  { name: 'no_sqarray', flags: IORING_SETUP_NO_SQARRAY },
] as const;

/** Features of operations; the first is part of kernel 5.19, the second came with 6.0. */
export const MULTISHOT_ACCEPT = 'multishot_accept';
export const MULTISHOT_RECEIVE = 'multishot_receive';

export interface RingSetup {
  readonly flags: number;
  readonly features: readonly string[];
}

/**
 * The richest set-up that this kernel accepts, without the features in `withhold`. DEFER_TASKRUN needs SINGLE_ISSUER;
 * without it the ring runs completions at the thread's next system call (COOP_TASKRUN).
 */
export function findSetup(withhold: ReadonlySet<string>): RingSetup {
  let flags = BASE_FLAGS | IORING_SETUP_COOP_TASKRUN;
  const features: string[] = [];
  for (const option of OPTIONAL_SETUP) {
    if (withhold.has(option.name)) {
      continue;
    }
    const deferred = option.flags === IORING_SETUP_DEFER_TASKRUN;
    if (deferred && (flags & IORING_SETUP_SINGLE_ISSUER) === 0) {
      continue;
    }
    const richer = (deferred ? flags & ~IORING_SETUP_COOP_TASKRUN : flags) | option.flags;
    if (acceptsSetup(richer)) {
      flags = richer;
      features.push(option.name);
    }
  }
  return { flags, features };
}
