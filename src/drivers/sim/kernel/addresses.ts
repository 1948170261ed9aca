/** Addresses in a simulated network: one machine with its loopback addresses. */

import type { SocketAddress, SocketFamily } from '../../../base/address.js';
import { Slab } from '../../../ffi/memory.js';
import { type AddressSystem, decodeSockaddr, encodeSockaddr, SOCKADDR_BYTES_MAX } from '../../common/sockaddr.js';

/** The numbers of families never leave this file. There are no network interfaces, so no zone has a name. */
const SIM_ADDRESSES: AddressSystem = {
  AF_UNIX: 1,
  AF_INET: 2,
  AF_INET6: 10,
  interfaceIndex: () => 0,
  zoneName: String,
};

const MAPPED = '::ffff:';

export type InternetAddress = Exclude<SocketAddress, { family: 'unix' }>;

let scratch: Slab | undefined;

/** An address in its one spelling. @throws OperationError `EINVAL`, `ENAMETOOLONG` */
export function canonical(address: SocketAddress): SocketAddress {
  scratch ??= new Slab(SOCKADDR_BYTES_MAX);
  return decodeSockaddr(SIM_ADDRESSES, scratch, 0, encodeSockaddr(SIM_ADDRESSES, scratch, 0, address));
}

/** The address of a socket that has none. */
export function unbound(family: SocketFamily): SocketAddress {
  return family === 'unix' ? { family, path: '' } : { family, address: anyOf(family), port: 0 };
}

export function anyOf(family: 'ipv4' | 'ipv6'): string {
  return family === 'ipv4' ? '0.0.0.0' : '::';
}

export function isAny({ family, address }: InternetAddress): boolean {
  return address === anyOf(family);
}

/** An IPv4 address in IPv6's clothes without them; others as they are. */
export function unmapped(address: InternetAddress): InternetAddress {
  return address.family === 'ipv6' && address.address.startsWith(MAPPED)
    ? { family: 'ipv4', address: address.address.slice(MAPPED.length), port: address.port }
    : address;
}

/** As a socket of `family` sees an address. */
export function seenBy(family: SocketFamily, address: SocketAddress): SocketAddress {
  if (family === 'ipv6' && address.family === 'ipv4') {
    return { family, address: MAPPED + address.address, port: address.port };
  }
  return family === 'ipv4' && address.family === 'ipv6' ? unmapped(address) : address;
}

/** Whether it is an address of this machine: of loopback, or all of them. */
export function isLocal(address: InternetAddress): boolean {
  const { family, address: text } = unmapped(address);
  return family === 'ipv4' ? text.startsWith('127.') || text === '0.0.0.0' : text === '::1' || text === '::';
}

/** The loopback address for "all of them", to connect to; others as they are. */
export function reachable(address: InternetAddress): InternetAddress {
  if (!isAny(address)) {
    return address;
  }
  return { ...address, address: address.family === 'ipv4' ? '127.0.0.1' : '::1' };
}
