/** Resolves the endpoint that a program names (a host and port, or a path) to socket addresses. */

import dns from 'node:dns';
import type { SocketAddress } from '../base/address.js';
import { badPort, invalidType, invalidValue, misuse } from '../base/argument-errors.js';
import { aFunction, aString, type Check, checkNumber, INT_MAX, oneOf } from '../base/validate.js';
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
  /** 0 to 65535, as a number or a numeric string. With 0, `listen` lets the system choose. Required unless there is a path. */
  readonly port?: number | string;
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
const A_PORT = `a whole number from 0 to ${PORT_MAX}`;

/** As `node:net` has it: a number, or a string that is one. @throws TypeError, RangeError `ERR_SOCKET_BAD_PORT` */
function aPort(name: string, port: unknown): void {
  if (typeof port !== 'number' && typeof port !== 'string') {
    throw invalidType(name, A_PORT, port);
  }
  const number = typeof port === 'string' && port.trim() === '' ? Number.NaN : Number(port);
  if (!Number.isInteger(number) || number < 0 || number > PORT_MAX) {
    throw badPort(name, A_PORT, port);
  }
}

/** The system's calls see a text up to its first NUL only. */
function aHost(name: string, host: unknown): void {
  aString(name, host);
  if ((host as string).includes('\0')) {
    throw invalidValue(name, 'a name without a NUL', host);
  }
}

function hints(name: string, value: unknown): void {
  checkNumber(name, value, { least: 0, most: INT_MAX, whole: true });
}

export const ENDPOINT_OPTIONS = {
  host: aHost,
  port: aPort,
  path: aString,
  family: oneOf(0, 4, 6),
  hints,
  lookup: aFunction,
} as const satisfies Record<keyof Endpoint, Check>;

/** Whether an endpoint names a host. An empty host counts as absent, as in `node:net`. */
export function namesHost({ host }: Endpoint): boolean {
  return host !== undefined && host !== null && host !== '';
}

/**
 * Returns the function that finds the addresses of an endpoint whose options were checked.
 * @throws TypeError `ERR_INVALID_ARG_VALUE` when it has neither a port nor a path
 */
export function resolverOf(endpoint: Endpoint, defaultHost: string): Resolver {
  const path = endpoint.path ?? undefined;
  if (path !== undefined) {
    return () => [{ family: 'unix', path }];
  }
  if ((endpoint.port ?? undefined) === undefined) {
    throw misuse(`port: expected ${A_PORT}, or a path instead; got neither`);
  }
  const port = Number(endpoint.port);
  const host = namesHost(endpoint) ? (endpoint.host as string) : defaultHost;
  const family = endpoint.family ?? 0;
  const hints = endpoint.hints ?? 0;
  const lookup = endpoint.lookup ?? undefined;
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
