/** The options of a connect over TCP, checked as `node:net` checks them. */

import dns from 'node:dns';
import nodeNet from 'node:net';
import { badPort, invalidArgType, invalidArgValue, invalidIpAddress, outOfRange } from '../errors.js';
import { defaultAttemptTimeout, IS_NODE_22 } from '../node-net.js';

export type LookupFunction = (
  hostname: string,
  options: object,
  callback: (error: Error | null | undefined, address: unknown, family?: unknown) => void,
) => void;

export interface CheckedConnect {
  readonly host: string;
  /** The host as the program gave it, for messages. */
  readonly givenHost: unknown;
  readonly givenPort: unknown;
  readonly port: number;
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
  /** 4, 6, or anything else for both. */
  readonly family: unknown;
  readonly hints: number;
  readonly lookup: LookupFunction;
  readonly autoSelectFamily: boolean;
  /** How long one address may take while others are left, in ms. */
  readonly attemptMs: number;
  readonly blockList: nodeNet.BlockList | undefined;
}

const PORT_MAX = 65_535;
const ATTEMPT_MS_LEAST = 10;
const INT_MAX = 2 ** 31 - 1;

const FAMILIES: Readonly<Record<string, number>> = { IPv4: 4, IPv6: 6 };

/** @throws TypeError `ERR_INVALID_ARG_TYPE`, RangeError `ERR_SOCKET_BAD_PORT` */
export function checkedPort(name: string, shownName: string, port: unknown): number {
  if (typeof port !== 'number' && typeof port !== 'string') {
    throw invalidArgType(name, 'one of type number or string', port);
  }
  const number = typeof port === 'string' && port.trim() === '' ? Number.NaN : Number(port);
  if (number !== number >>> 0 || number > PORT_MAX) {
    throw badPort(shownName, port);
  }
  return number;
}

function checkedAttemptMs(value: unknown): number {
  if (value === undefined || value === null) {
    return defaultAttemptTimeout();
  }
  const name = 'options.autoSelectFamilyAttemptTimeout';
  if (typeof value !== 'number') {
    throw invalidArgType(name, 'of type number', value);
  }
  if (!Number.isInteger(value)) {
    throw outOfRange(name, 'an integer', value);
  }
  if (value < 1 || value > INT_MAX) {
    throw outOfRange(name, `>= 1 && <= ${INT_MAX}`, value);
  }
  return Math.max(value, ATTEMPT_MS_LEAST);
}

function checkedSwitch(value: unknown): boolean {
  if (value === undefined || value === null) {
    return nodeNet.getDefaultAutoSelectFamily();
  }
  if (typeof value !== 'boolean') {
    throw invalidArgType('options.autoSelectFamily', 'of type boolean', value);
  }
  return value;
}

function lookupOf(lookup: unknown): LookupFunction {
  if (lookup !== undefined && lookup !== null && typeof lookup !== 'function') {
    throw invalidArgType('options.lookup', 'of type function', lookup);
  }
  // Read at each call: programs replace `dns.lookup`, and node:net uses their function.
  return (lookup ?? dns.lookup) as LookupFunction;
}

/** Hosts that are literals need no lookup function, and Node does not look at it. */
function checkedLookup(host: unknown, lookup: unknown): LookupFunction {
  return nodeNet.isIP(String(host)) === 0 ? lookupOf(lookup) : (dns.lookup as LookupFunction);
}

function checkHost(host: unknown): void {
  if (typeof host !== 'string') {
    throw invalidArgType('options.host', 'of type string', host);
  }
  if (host.includes('\0')) {
    throw invalidArgValue('options.host', host, 'must be a string without null bytes');
  }
}

export function checkConnectOptions(options: Readonly<Record<string, unknown>>): CheckedConnect {
  const { localAddress, localPort, port, family, hints } = options;
  const host = options.host || 'localhost';
  if (IS_NODE_22) {
    checkHost(host);
  }
  if (localAddress && nodeNet.isIP(localAddress as string) === 0) {
    throw invalidIpAddress(localAddress);
  }
  if (localPort && typeof localPort !== 'number') {
    throw invalidArgType('options.localPort', 'of type number', localPort);
  }
  const number = port === undefined ? 0 : checkedPort('options.port', 'Port', port);
  const autoSelectFamily = checkedSwitch(options.autoSelectFamily);
  const attemptMs = checkedAttemptMs(options.autoSelectFamilyAttemptTimeout);
  const known = FAMILIES[String(family)] ?? family;
  const givenHints = (hints as number | undefined) || 0;
  return {
    host: host as string,
    givenHost: options.host,
    givenPort: port,
    port: number,
    localAddress: (localAddress || undefined) as string | undefined,
    localPort: (localPort || undefined) as number | undefined,
    family: known,
    hints: known !== 4 && known !== 6 && givenHints === 0 ? dns.ADDRCONFIG : givenHints,
    lookup: checkedLookup(host, options.lookup),
    autoSelectFamily,
    attemptMs,
    blockList: (options.blockList ?? undefined) as nodeNet.BlockList | undefined,
  };
}
