/** Resolves the endpoint that a program names (a host and port, or a path) to socket addresses. */

import dns from 'node:dns';
import type { SocketAddress } from '../base/address.js';
import { OperationError, textOf } from '../base/errors.js';
import { isUnscopedLinkLocal, versionOf } from '../drivers/common/sockaddr.js';
import { type LookupAddress, readAnswer } from './client/lookup-answer.js';

/** Options of a lookup, as `node:net` passes them: all addresses of one family, or of both. */
export interface LookupOptions {
  /** The wanted family: 4, 6, or 0 for both. */
  readonly family: 0 | 4 | 6;
  /** Flags of `dns.lookup`. */
  readonly hints: number;
  /** All addresses are wanted; one is accepted as well. */
  readonly all: true;
}

/** Looks a name up, as Node's `dns.lookup` does: calls back once with all addresses, or with one and its family. */
export type Lookup = (
  hostname: string,
  options: LookupOptions,
  callback: (
    error: NodeJS.ErrnoException | null | undefined,
    address: string | readonly LookupAddress[],
    family?: number,
  ) => void,
) => void;

/** The address part of the options of `listen` and `connect`. */
export interface Endpoint {
  /** A name or a numeric address. An IPv6 address may have a zone: `fe80::1%eth0`. An empty host counts as absent. */
  readonly host?: string;
  /** 0 to 65535. */
  readonly port?: number;
  /** A Unix-domain socket instead. */
  readonly path?: string;
  /** The addresses that a name is looked up for: 4 for IPv4, 6 for IPv6, 0 (default) for both. */
  readonly family?: 0 | 4 | 6;
  /** Flags of the lookup, such as `dns.ADDRCONFIG`; 0 by default. */
  readonly hints?: number;
  /** Looks names up; `dns.lookup` by default, in the order that the program or `--dns-result-order` gives it. */
  readonly lookup?: Lookup;
}

/** Finds the addresses of an endpoint, in the order of the resolver: one at least. At once, where no name is looked up. */
export type Resolver = () => readonly SocketAddress[] | Promise<readonly SocketAddress[]>;

const PORT_MAX = 65_535;
const FAMILIES: ReadonlySet<unknown> = new Set([0, 4, 6]);

function invalid(code: string, name: string, expected: string, value: unknown): OperationError {
  return new OperationError({
    code,
    reason: `${name}: expected ${expected}, got ${textOf(value)}`,
    syscall: 'options',
  });
}

function checkPort(port: unknown): number {
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 0 || port > PORT_MAX) {
    const reason = `port: expected a whole number from 0 to ${PORT_MAX}, got ${textOf(port)}`;
    throw new OperationError({ code: 'ERR_SOCKET_BAD_PORT', reason, syscall: 'options' });
  }
  return port;
}

/** A text for the system's calls, which see it up to its first NUL only. */
function checkText(name: 'host' | 'path', value: unknown): string {
  if (typeof value !== 'string') {
    throw invalid('ERR_INVALID_ARG_TYPE', name, 'a string', value);
  }
  if (name === 'host' && value.includes('\0')) {
    throw invalid('ERR_INVALID_ARG_VALUE', name, 'a name without a NUL', value);
  }
  return value;
}

/** Whether an endpoint names a host. An empty host counts as absent, as in `node:net`. */
export function namesHost({ host }: Endpoint): boolean {
  return host !== undefined && host !== null && host !== '';
}

/**
 * Checks what an endpoint says and returns what finds its addresses.
 * @throws OperationError `ERR_SOCKET_BAD_PORT`, `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`
 */
export function resolverOf(endpoint: Endpoint, defaultHost: string): Resolver {
  const path = endpoint.path ?? undefined;
  if (path !== undefined) {
    const address = { family: 'unix', path: checkText('path', path) } as const;
    return () => [address];
  }
  const port = checkPort(endpoint.port);
  const host = namesHost(endpoint) ? checkText('host', endpoint.host) : defaultHost;
  const family = endpoint.family ?? 0;
  const hints = endpoint.hints ?? 0;
  const lookup = endpoint.lookup ?? undefined;
  if (!FAMILIES.has(family)) {
    throw invalid('ERR_INVALID_ARG_VALUE', 'family', '0, 4 or 6', family);
  }
  if (!Number.isInteger(hints) || hints < 0) {
    throw invalid('ERR_INVALID_ARG_VALUE', 'hints', 'a whole number of 0 or more', hints);
  }
  if (lookup !== undefined && typeof lookup !== 'function') {
    throw invalid('ERR_INVALID_ARG_TYPE', 'lookup', 'a function', lookup);
  }
  const toAddress = ({ address, family }: LookupAddress): SocketAddress => ({
    family: family === 6 ? 'ipv6' : 'ipv4',
    address,
    port,
  });
  const version = versionOf(host);
  return version > 0
    ? () => [toAddress({ address: host, family: version })]
    : async () => (await lookUp(host, { family, hints, all: true }, lookup)).map(toAddress);
}

/** Settles with the first callback of the lookup, or with an error that it throws or rejects with. */
function lookUp(host: string, options: LookupOptions, lookup: Lookup | undefined): Promise<readonly LookupAddress[]> {
  return new Promise((resolve, reject) => {
    const answered: Parameters<Lookup>[2] = (error, address, family) => {
      if (error) {
        reject(error);
        return;
      }
      try {
        resolve(readAnswer(host, address, family));
      } catch (problem) {
        reject(problem);
      }
    };
    // Read the property at each call: programs replace `dns.lookup`, and node:net uses their function.
    const returned: unknown =
      lookup === undefined ? dns.lookup(host, options, answered) : lookup(host, options, answered);
    if (returned instanceof Promise) {
      returned.catch(reject);
    }
  });
}

/** Where a server listens: the first address, passing over link-local ones that name no interface, as later Node versions do. */
export function firstToListenAt(addresses: readonly SocketAddress[]): SocketAddress {
  return (addresses.find((address) => !isUnscopedLinkLocal(address)) ?? addresses[0]) as SocketAddress;
}
