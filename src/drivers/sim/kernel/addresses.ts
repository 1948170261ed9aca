/** Addresses of a simulated network: one machine with its loopback addresses. */

import type { SocketAddress, SocketFamily } from '../../../base/address.js';
import { lazySlab } from '../../../ffi/memory.js';
import { type AddressSystem, decodeSockaddr, encodeSockaddr, SOCKADDR_BYTES_MAX } from '../../common/sockaddr.js';

/** The families' numbers are used only in this file. Without network interfaces no zone has a name. */
const SIM_ADDRESSES: AddressSystem = {
  AF_UNIX: 1,
  AF_INET: 2,
  AF_INET6: 10,
  interfaceIndex: () => 0,
  zoneName: String,
};

const MAPPED = '::ffff:';

export type InternetAddress = Exclude<SocketAddress, { family: 'unix' }>;

const scratch = lazySlab(SOCKADDR_BYTES_MAX);

/** The canonical spelling of an address. @throws OperationError `EINVAL`, `ENAMETOOLONG` */
export function canonical(address: SocketAddress): SocketAddress {
  const slab = scratch();
  return decodeSockaddr(SIM_ADDRESSES, slab, 0, encodeSockaddr(SIM_ADDRESSES, slab, 0, address));
}

/** The address of an unbound socket. */
export function unbound(family: SocketFamily): SocketAddress {
  return family === 'unix' ? { family, path: '' } : { family, address: anyOf(family), port: 0 };
}

export function anyOf(family: 'ipv4' | 'ipv6'): string {
  return family === 'ipv4' ? '0.0.0.0' : '::';
}

export function isAny({ family, address }: InternetAddress): boolean {
  return address === anyOf(family);
}

/** The IPv4 address of a mapped one (`::ffff:a.b.c.d`); other addresses unchanged. */
export function unmapped(address: InternetAddress): InternetAddress {
  return address.family === 'ipv6' && address.address.startsWith(MAPPED)
    ? { family: 'ipv4', address: address.address.slice(MAPPED.length), port: address.port }
    : address;
}

/** An address in the form that a socket of `family` sees. */
export function seenBy(family: SocketFamily, address: SocketAddress): SocketAddress {
  if (family === 'ipv6' && address.family === 'ipv4') {
    return { family, address: MAPPED + address.address, port: address.port };
  }
  return family === 'ipv4' && address.family === 'ipv6' ? unmapped(address) : address;
}

/** Whether it is an address of this machine: a loopback address, or the unspecified one. */
export function isLocal(address: InternetAddress): boolean {
  const { family, address: text } = unmapped(address);
  return family === 'ipv4' ? text.startsWith('127.') || text === '0.0.0.0' : text === '::1' || text === '::';
}

/** The address to connect to: the loopback address instead of the unspecified one; other addresses unchanged. */
export function reachable(address: InternetAddress): InternetAddress {
  if (!isAny(address)) {
    return address;
  }
  return { ...address, address: address.family === 'ipv4' ? '127.0.0.1' : '::1' };
}
