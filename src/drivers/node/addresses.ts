/** Addresses in the spelling of all drivers. The encoding is used only to check and to normalize them. */

import { Buffer } from 'node:buffer';
import { networkInterfaces } from 'node:os';
import type { SocketAddress, SocketFamily } from '../../base/address.js';
import { process } from '../../base/runtime.js';
import { lazySlab } from '../../ffi/memory.js';
import {
  type AddressSystem,
  decodeSockaddr,
  encodeSockaddr,
  SOCKADDR_BYTES_MAX,
  UNIX_PATH_BYTES_MAX,
} from '../common/sockaddr.js';

function zones(): readonly (readonly [name: string, index: number])[] {
  return Object.entries(networkInterfaces()).flatMap(([name, list]) =>
    (list ?? []).flatMap((one) => ('scopeid' in one && one.scopeid > 0 ? [[name, one.scopeid] as const] : [])),
  );
}

/** The families' numbers are used only in this file. */
const ADDRESSES: AddressSystem = {
  AF_UNIX: 1,
  AF_INET: 2,
  AF_INET6: 10,
  interfaceIndex: (name) => zones().find((zone) => zone[0] === name)?.[1] ?? 0,
  zoneName: (index) => zones().find((zone) => zone[1] === index)?.[0],
};

const scratch = lazySlab(SOCKADDR_BYTES_MAX);

/** The canonical spelling of an address. @throws OperationError `EINVAL`, `ENAMETOOLONG` */
export function canonical(address: SocketAddress): SocketAddress {
  const slab = scratch();
  return decodeSockaddr(ADDRESSES, slab, 0, encodeSockaddr(ADDRESSES, slab, 0, address));
}

/**
 * Makes a relative path absolute, as it may be used after the program has changed its directory: libuv removes the file of
 * a listener when it closes, by the path that it was given, and Deno connects in a later turn. A path that would become
 * too long stays relative.
 */
export function absolutePath(path: string): string {
  if (/^[/\0]/.test(path)) {
    return path;
  }
  const absolute = `${process.cwd()}/${path}`;
  return Buffer.byteLength(absolute) > UNIX_PATH_BYTES_MAX ? path : absolute;
}

/** The same address, with an absolute path if it is a path. */
export function fromHere(address: SocketAddress): SocketAddress {
  return address.family === 'unix' ? { family: 'unix', path: absolutePath(address.path) } : address;
}

/** The address of an unbound socket. */
export function unbound(family: SocketFamily): SocketAddress {
  return family === 'unix' ? { family, path: '' } : { family, address: family === 'ipv4' ? '0.0.0.0' : '::', port: 0 };
}
