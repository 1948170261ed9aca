/** Node's permission model, which this library's foreign calls respect. */

import { OperationError } from '../../base/errors.js';
import { process } from '../../base/runtime.js';

/**
 * Refuses the network if Node denies it. Node does not apply `--allow-net` to foreign calls, but a program that denies
 * the network means all of its libraries.
 * @throws OperationError `ERR_ACCESS_DENIED`, Node's own code for this
 */
export function requireNetwork(): void {
  const { permission } = process as { readonly permission?: { has(scope: string): boolean } };
  const denied = permission !== undefined && process.allowedNodeEnvironmentFlags.has('--allow-net');
  if (denied && !permission.has('net')) {
    const reason = "Node's permission model denies this process the network; use --allow-net";
    throw new OperationError({ code: 'ERR_ACCESS_DENIED', reason, syscall: 'open driver' });
  }
}
