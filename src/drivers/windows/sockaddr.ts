/** Socket addresses on Windows. */

import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { SocketAddress } from '../../base/address.js';
import { AF_INET, AF_INET6, AF_UNIX } from '../../ffi/windows/constants.js';
import { type AddressSystem, hasMappedPrefix, parseIpv6, splitZone } from '../common/sockaddr.js';

export const windowsAddresses: AddressSystem = {
  AF_UNIX,
  AF_INET,
  AF_INET6,
  interfaceIndex,
  // Node writes a zone as a number on Windows.
  zoneName: String,
};

/** The scope of an interface's IPv6 addresses is the interface's number. An interface without them needs no zone. */
function interfaceIndex(name: string): number {
  const interfaces = networkInterfaces();
  const entries = (Object.hasOwn(interfaces, name) ? interfaces[name] : undefined) ?? [];
  return entries.flatMap((entry) => (entry.family === 'IPv6' ? [entry.scopeid] : [])).find(Boolean) ?? 0;
}

/**
 * The address to connect to: unlike Linux, Windows does not connect to the loopback address for the unspecified one.
 */
export function connectable(address: SocketAddress): SocketAddress {
  if (address?.family === 'ipv4' && address.address === '0.0.0.0') {
    return { ...address, address: '127.0.0.1' };
  }
  if (address?.family !== 'ipv6' || isIP(address.address) !== 6) {
    return address;
  }
  const groups = parseIpv6(splitZone(address.address).text);
  if (groups.every((group) => group === 0)) {
    return { ...address, address: '::1' };
  }
  const anyMapped = hasMappedPrefix(groups) && groups[6] === 0 && groups[7] === 0;
  return anyMapped ? { ...address, address: '::ffff:127.0.0.1' } : address;
}
