/**
 * Finds the features of this kernel's io_uring by trying them. The minimum is kernel 5.19, which has rings of provided
 * buffers.
 */

import { EINVAL } from '../../ffi/linux/constants.js';
import {
  IORING_SETUP_COOP_TASKRUN,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_NO_SQARRAY,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SUBMIT_ALL,
  IORING_SETUP_TASKRUN_FLAG,
} from '../../ffi/linux/io-uring.js';
import { linuxErrors } from '../linux/errors.js';
import { acceptsSetup } from './ring.js';

/** The set-up flags of every ring. */
const BASE_FLAGS = IORING_SETUP_SUBMIT_ALL | IORING_SETUP_TASKRUN_FLAG;

/** The kernel completes operations only when the ring's thread enters it (6.1). */
export const DEFER_TASKRUN = 'defer_taskrun';

/** Optional set-up features, oldest first. */
export const OPTIONAL_SETUP = [
  { name: 'single_issuer', flags: IORING_SETUP_SINGLE_ISSUER },
  { name: DEFER_TASKRUN, flags: IORING_SETUP_DEFER_TASKRUN },
  { name: 'no_sqarray', flags: IORING_SETUP_NO_SQARRAY },
] as const;

/** Features of operations, of kernels 5.19, 6.0 and 6.17. */
export const MULTISHOT_ACCEPT = 'multishot_accept';
export const MULTISHOT_RECEIVE = 'multishot_receive';
export const MULTISHOT_LIMIT = 'multishot_limit';

export interface RingSetup {
  readonly flags: number;
  readonly features: readonly string[];
}

/**
 * Set-ups by the features that may be used. A ring that is only tried counts as locked memory for a while, so each is
 * tried once.
 */
const found = new Map<string, RingSetup>();

/**
 * Returns the set-up with the most features that this kernel accepts, without those in `disabledFeatures`.
 * @throws OperationError the error of `io_uring_setup`; `EINVAL` on a kernel before 5.19
 */
export function findSetup(disabledFeatures: ReadonlySet<string>): RingSetup {
  const allowed = OPTIONAL_SETUP.filter(({ name }) => !disabledFeatures.has(name));
  const key = allowed.map(({ name }) => name).join();
  const known = found.get(key);
  if (known !== undefined) {
    return known;
  }
  // The features were added in this order: a kernel that lacks one lacks all later ones.
  for (let count = allowed.length; ; count--) {
    const setup = setupWith(allowed.slice(0, count));
    if (acceptsSetup(setup.flags)) {
      found.set(key, setup);
      return setup;
    }
    if (count === 0) {
      throw linuxErrors.create(EINVAL, 'io_uring_setup');
    }
  }
}

/**
 * DEFER_TASKRUN needs SINGLE_ISSUER; without it the ring runs completions at the thread's next system call
 * (COOP_TASKRUN).
 */
function setupWith(options: readonly (typeof OPTIONAL_SETUP)[number][]): RingSetup {
  const single = options.some(({ name }) => name === 'single_issuer');
  const used = options.filter(({ name }) => name !== DEFER_TASKRUN || single);
  const deferred = used.some(({ name }) => name === DEFER_TASKRUN);
  const flags = used.reduce((sum, option) => sum | option.flags, BASE_FLAGS);
  return {
    flags: deferred ? flags : flags | IORING_SETUP_COOP_TASKRUN,
    features: used.map(({ name }) => name),
  };
}
