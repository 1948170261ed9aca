/** Addresses as Linux has them. */

import { Buffer } from 'node:buffer';
import type { SocketAddress } from '../../base/address.js';
import { process } from '../../base/runtime.js';
import { AF_INET, AF_INET6, AF_UNIX } from '../../ffi/linux/constants.js';
import { libc } from '../../ffi/linux/libc.js';
import { Slab } from '../../ffi/memory.js';
import { type AddressSystem, UNIX_PATH_BYTES_MAX } from '../common/sockaddr.js';

/** IF_NAMESIZE: the bytes of an interface's name with the NUL that ends it (if_nametoindex(3)). */
const INTERFACE_NAME_BYTES = 16;

let scratch: Slab | undefined;

/** C sees a text up to its first NUL only. */
function interfaceIndex(name: string): number {
  const fits = Buffer.byteLength(name) < INTERFACE_NAME_BYTES && !name.includes('\0');
  return fits ? libc().if_nametoindex(name) : 0;
}

/** Node writes a zone by its interface's name. */
function zoneName(index: number): string | undefined {
  scratch ??= new Slab(INTERFACE_NAME_BYTES);
  if (libc().if_indextoname(index, scratch.address) === 0) {
    return undefined;
  }
  return Buffer.from(scratch.u8.subarray(0, scratch.u8.indexOf(0))).toString();
}

export const linuxAddresses: AddressSystem = {
  AF_UNIX,
  AF_INET,
  AF_INET6,
  interfaceIndex,
  zoneName,
};

/**
 * A relative path as an absolute one: the kernel looks for it when the connect is handed over, which is later, and in the
 * working directory of that moment. A path that would be too long then stays relative.
 */
export function fromHere(address: SocketAddress): SocketAddress {
  if (address?.family !== 'unix' || typeof address.path !== 'string' || !/^[^/\0]/.test(address.path)) {
    return address;
  }
  const path = `${process.cwd()}/${address.path}`;
  return Buffer.byteLength(path) > UNIX_PATH_BYTES_MAX ? address : { family: 'unix', path };
}
