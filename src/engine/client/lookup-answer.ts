/** Checks the answer of a lookup: a program's own lookup may call back with any value. */

import { OperationError, textOf } from '../../base/errors.js';
import { versionOf } from '../../drivers/common/sockaddr.js';

/** One address of a name. */
export interface LookupAddress {
  /** The numeric address. */
  readonly address: string;
  /** 4 or 6. */
  readonly family: number;
}

/** Further addresses are ignored: the owner of a name chooses how many there are, and each costs a socket and an error. */
export const ADDRESSES_MAX = 128;

/**
 * The usable addresses of an answer, each once, in their order.
 * @throws OperationError `ENOTFOUND` for none; `ERR_INVALID_IP_ADDRESS`, `ERR_INVALID_ADDRESS_FAMILY` when none is usable
 */
export function readAnswer(host: string, answer: unknown, family: unknown): LookupAddress[] {
  const entries = Array.isArray(answer) ? answer.slice(0, ADDRESSES_MAX) : [{ address: answer, family }];
  if (entries.length === 0) {
    throw new OperationError({
      code: 'ENOTFOUND',
      reason: `The name has no address: ${host}`,
      syscall: 'getaddrinfo',
    });
  }
  const usable = new Map<string, LookupAddress>();
  let problem: OperationError | undefined;
  for (const entry of entries as readonly (Partial<LookupAddress> | null | undefined)[]) {
    // Read once: a getter may answer differently the next time.
    const address: unknown = entry?.address;
    const family: unknown = entry?.family;
    const found = problemOf(host, address, family);
    if (found === undefined) {
      usable.set(address as string, { address: address as string, family: family as number });
    }
    problem ??= found;
  }
  if (usable.size === 0) {
    throw problem as OperationError;
  }
  return [...usable.values()];
}

/** The error for one address of an answer, with the code that node:net gives; undefined for a usable address. */
function problemOf(host: string, address: unknown, family: unknown): OperationError | undefined {
  const version = typeof address === 'string' ? versionOf(address) : 0;
  if (version === 0) {
    return new OperationError({
      code: 'ERR_INVALID_IP_ADDRESS',
      reason: `The lookup of ${host}: expected a numeric address, got ${textOf(address)}`,
      syscall: 'lookup',
    });
  }
  if (version !== family) {
    return new OperationError({
      code: 'ERR_INVALID_ADDRESS_FAMILY',
      reason: `The lookup of ${host}: expected the family ${version} of ${address}, got ${textOf(family)}`,
      syscall: 'lookup',
    });
  }
  return undefined;
}
