/** From what a program names (a host and port, or a path) to addresses of sockets. */

import { lookup as lookupName } from 'node:dns';
import { isIP } from 'node:net';
import type { SocketAddress } from '../drivers/address.js';
import { OperationError } from '../drivers/error.js';

export interface LookupAddress {
  readonly address: string;
  readonly family: number;
}

/** Looks a name up, as Node's `dns.lookup` does with `all`. */
export type Lookup = (
  hostname: string,
  options: { readonly all: true; readonly order?: 'verbatim' },
  callback: (error: NodeJS.ErrnoException | null, addresses: readonly LookupAddress[]) => void,
) => void;

/** What `listen` and `connect` take of an address. */
export interface Endpoint {
  /** A name or a numeric address. */
  readonly host?: string;
  /** 0 to 65535. */
  readonly port?: number;
  /** A Unix-domain socket instead. */
  readonly path?: string;
  /** Looks names up; Node's `dns.lookup` unless given. */
  readonly lookup?: Lookup;
}

const PORT_MAX = 65_535;

function checkPort(port: number | undefined): number {
  if (port === undefined || !Number.isInteger(port) || port < 0 || port > PORT_MAX) {
    throw new OperationError({
      code: 'ERR_SOCKET_BAD_PORT',
      reason: `port: expected a whole number from 0 to ${PORT_MAX}, got ${String(port)}`,
      syscall: 'options',
    });
  }
  return port;
}

/** All addresses of an endpoint, in the order of the resolver. @throws OperationError `ERR_SOCKET_BAD_PORT`, what looking up fails with */
export async function resolveEndpoint(endpoint: Endpoint, hostUnlessTold: string): Promise<readonly SocketAddress[]> {
  if (endpoint.path !== undefined) {
    return [{ family: 'unix', path: endpoint.path }];
  }
  const port = checkPort(endpoint.port);
  const host = endpoint.host ?? hostUnlessTold;
  const family = isIP(host.split('%')[0] as string);
  const addresses = family > 0 ? [{ address: host, family }] : await lookUp(host, endpoint.lookup ?? lookupName);
  return addresses.map(({ address, family }) => ({ family: family === 6 ? 'ipv6' : 'ipv4', address, port }));
}

function lookUp(host: string, lookup: Lookup): Promise<readonly LookupAddress[]> {
  return new Promise((resolve, reject) => {
    lookup(host, { all: true, order: 'verbatim' }, (error, addresses) => {
      if (error === null) {
        resolve(addresses);
      } else {
        reject(error);
      }
    });
  });
}
