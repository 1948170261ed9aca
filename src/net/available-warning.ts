/** The warning that Node's own `net` is used. */

import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';
import { process } from '../base/runtime.js';

/** Threads that this one starts have a copy of this entry, so that they do not repeat the warning. */
const WARNED = 'overlapped/net has warned';

/** Says once in a process that Node's own `net` is used. */
export function warnUnavailable(reason: string): void {
  if (getEnvironmentData(WARNED) === undefined) {
    setEnvironmentData(WARNED, true);
    process.emitWarning(`overlapped/net uses node:net, as no driver runs: ${reason}`, 'OverlappedNetWarning');
  }
}
