/** Node's permission model, as far as a library of foreign calls keeps to it. */

import { OperationError } from '../../base/errors.js';
import { process } from '../../base/runtime.js';

/**
 * Refuses the network where Node does. Nothing makes foreign calls keep to `--allow-net`, but a program that denies it, of a
 * Node that knows it, means all of its libraries.
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
