/** Socket addresses on Linux. */

import { Buffer } from 'node:buffer';
import type { SocketAddress } from '../../base/address.js';
import { process } from '../../base/runtime.js';
import { AF_INET, AF_INET6, AF_UNIX } from '../../ffi/linux/constants.js';
import { libc } from '../../ffi/linux/libc.js';
import { lazySlab } from '../../ffi/memory.js';
import { type AddressSystem, UNIX_PATH_BYTES_MAX } from '../common/sockaddr.js';

/** IF_NAMESIZE: bytes of an interface's name with its final NUL (if_nametoindex(3)). */
const INTERFACE_NAME_BYTES = 16;

const nameMemory = lazySlab(INTERFACE_NAME_BYTES);

/** A name with a NUL is no name: C would read only the part before it. */
function interfaceIndex(name: string): number {
  const fits = Buffer.byteLength(name) < INTERFACE_NAME_BYTES && !name.includes('\0');
  return fits ? libc().if_nametoindex(name) : 0;
}

/** Node writes a zone as the name of its interface. */
function zoneName(index: number): string | undefined {
  const { address, u8 } = nameMemory();
  if (libc().if_indextoname(index, address) === 0) {
    return undefined;
  }
  return Buffer.from(u8.subarray(0, u8.indexOf(0))).toString();
}

export const linuxAddresses: AddressSystem = {
  AF_UNIX,
  AF_INET,
  AF_INET6,
  interfaceIndex,
  zoneName,
};

/**
 * Makes a relative path absolute: the kernel resolves it when the connect is submitted, in the working directory of
 * that time. A path that would become too long stays relative.
 */
export function fromHere(address: SocketAddress): SocketAddress {
  if (address?.family !== 'unix' || typeof address.path !== 'string' || !/^[^/\0]/.test(address.path)) {
    return address;
  }
  const path = `${process.cwd()}/${address.path}`;
  return Buffer.byteLength(path) > UNIX_PATH_BYTES_MAX ? address : { family: 'unix', path };
}
