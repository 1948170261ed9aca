/** Addresses as Windows has them. */

import { networkInterfaces } from 'node:os';
import { AF_INET, AF_INET6, AF_UNIX } from '../../ffi/windows/constants.js';
import type { SocketAddress } from '../address.js';
import type { AddressSystem } from '../sockaddr.js';

export const windowsAddresses: AddressSystem = {
  AF_UNIX,
  AF_INET,
  AF_INET6,
  // The scope of an interface's IPv6 addresses is the interface's number; one without them has no use for a zone.
  interfaceIndex: (name) =>
    networkInterfaces()
      [name]?.flatMap((entry) => (entry.family === 'IPv6' ? [entry.scopeid] : []))
      .find(Boolean) ?? 0,
};

const LOOPBACK: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

/** Where to connect to: Windows does not take the address of all interfaces for the loopback, as Linux does. */
export function connectable(address: SocketAddress): SocketAddress {
  const loopback = address.family === 'unix' ? undefined : LOOPBACK[address.address];
  return loopback === undefined || address.family === 'unix' ? address : { ...address, address: loopback };
}
