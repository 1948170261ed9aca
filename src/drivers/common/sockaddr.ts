/** Encodes and decodes addresses as the system's structs. */

import { Buffer } from 'node:buffer';
import { isIP } from 'node:net';
import { SOCKET_FAMILIES, type SocketAddress } from '../../base/address.js';
import { OperationError, textOf } from '../../base/errors.js';
import type { Slab } from '../../ffi/memory.js';
import { sockaddr_in, sockaddr_in6, sockaddr_un } from '../../ffi/sockaddr.js';

/** The differences between systems. */
export interface AddressSystem {
  readonly AF_UNIX: number;
  readonly AF_INET: number;
  readonly AF_INET6: number;
  /** The number of a network interface by its name; 0 if there is none. The name may be any text. */
  readonly interfaceIndex: (name: string) => number;
  /** The text of a zone with that number; undefined if there is no such interface. */
  readonly zoneName: (index: number) => string | undefined;
}

/** Maximum bytes of an encoded address. */
export const SOCKADDR_BYTES_MAX = 128;

/** sin6_scope_id has 32 bits. */
const SCOPE_MAX = 0xffff_ffff;

/** Maximum bytes of sun_path without the final NUL (unix(7)). */
export const UNIX_PATH_BYTES_MAX = sockaddr_un.size - sockaddr_un.sun_path - 1;

function invalid(reason: string, address: SocketAddress): OperationError {
  return new OperationError({ code: 'EINVAL', reason, syscall: 'address', address });
}

/** Checks an address of a program: its text must be a string before anything reads it. */
function checkText(name: 'address' | 'path', value: unknown): void {
  if (typeof value !== 'string') {
    const reason = `${name}: expected a string, got ${textOf(value)}`;
    throw new OperationError({ code: 'EINVAL', reason, syscall: 'address' });
  }
}

/** An address without its zone, and the zone after the first `%`. */
export function splitZone(address: string): { readonly text: string; readonly zone: string | undefined } {
  const at = address.indexOf('%');
  return at < 0 ? { text: address, zone: undefined } : { text: address.slice(0, at), zone: address.slice(at + 1) };
}

/** 4 or 6 for a numeric address, 0 for any other text. `isIP` knows fewer zones than there are names of interfaces. */
export function versionOf(address: string): 0 | 4 | 6 {
  const { text, zone } = splitZone(address);
  const version = isIP(text);
  return version === 6 || (version === 4 && zone === undefined) ? version : 0;
}

/** @throws OperationError `EINVAL` for what is no address at all */
function checkAddress(address: SocketAddress | null | undefined): void {
  if (!(SOCKET_FAMILIES as readonly unknown[]).includes(address?.family)) {
    const reason = `family: expected ${SOCKET_FAMILIES.join(', ')}, got ${textOf(address?.family)}`;
    throw new OperationError({ code: 'EINVAL', reason, syscall: 'address' });
  }
}

/** Whether it is an IPv4 address inside IPv6 (`::ffff:a.b.c.d`, RFC 4291, section 2.5.5.2), in any spelling. */
export function isMapped(address: SocketAddress): boolean {
  if (address?.family !== 'ipv6' || typeof address.address !== 'string') {
    return false;
  }
  return versionOf(address.address) === 6 && hasMappedPrefix(parseIpv6(splitZone(address.address).text));
}

/** Whether it is a link-local address of IPv6 (fe80::/10) that does not say on which interface. */
export function isUnscopedLinkLocal(address: SocketAddress): boolean {
  return (
    address.family === 'ipv6' &&
    isIP(address.address) === 6 &&
    !address.address.includes('%') &&
    ((parseIpv6(address.address)[0] as number) & 0xffc0) === 0xfe80
  );
}

/** Whether the groups of an address are those of a mapped IPv4 address. */
export function hasMappedPrefix(groups: readonly number[]): boolean {
  return groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0);
}

/** Writes an address at `byteOffset` of a slab; returns its length in bytes. */
export function encodeSockaddr(system: AddressSystem, slab: Slab, byteOffset: number, address: SocketAddress): number {
  const bytes = slab.u8.subarray(byteOffset, byteOffset + SOCKADDR_BYTES_MAX);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  bytes.fill(0);
  checkAddress(address);
  if (address.family === 'unix') {
    return encodeUnix(system, bytes, view, address);
  }
  if (!Number.isInteger(address.port) || address.port < 0 || address.port > 65535) {
    throw invalid(`A port is a whole number from 0 to 65535, got ${textOf(address.port)}:`, address);
  }
  checkText('address', address.address);
  const { text, zone } = splitZone(address.address);
  const version = versionOf(address.address);
  if (version !== (address.family === 'ipv4' ? 4 : 6)) {
    throw invalid(`Expected a numeric ${address.family} address:`, address);
  }
  if (version === 4) {
    view.setUint16(sockaddr_in.sin_family, system.AF_INET, true);
    view.setUint16(sockaddr_in.sin_port, address.port);
    bytes.set(text.split('.').map(Number), sockaddr_in.sin_addr);
    return sockaddr_in.size;
  }
  view.setUint16(sockaddr_in6.sin6_family, system.AF_INET6, true);
  view.setUint16(sockaddr_in6.sin6_port, address.port);
  parseIpv6(text).forEach((group, index) => {
    view.setUint16(sockaddr_in6.sin6_addr + 2 * index, group);
  });
  if (zone !== undefined) {
    view.setUint32(sockaddr_in6.sin6_scope_id, scopeOf(system, zone, address), true);
  }
  return sockaddr_in6.size;
}

/** The number of a zone's interface. A name may consist of digits, and has priority over the number. */
function scopeOf(system: AddressSystem, zone: string, address: SocketAddress): number {
  const named = system.interfaceIndex(zone);
  if (named > 0) {
    return named;
  }
  const number = /^\d{1,10}$/.test(zone) ? Number(zone) : 0;
  if (number === 0 || number > SCOPE_MAX || system.zoneName(number) === undefined) {
    throw invalid('No such network interface:', address);
  }
  return number;
}

function encodeUnix(
  system: AddressSystem,
  bytes: Uint8Array,
  view: DataView,
  address: SocketAddress & { family: 'unix' },
): number {
  checkText('path', address.path);
  const path = Buffer.from(address.path);
  if (path.byteLength > UNIX_PATH_BYTES_MAX) {
    throw new OperationError({
      code: 'ENAMETOOLONG',
      reason: `A Unix socket's path has at most ${UNIX_PATH_BYTES_MAX} bytes, got ${path.byteLength}:`,
      syscall: 'address',
      address,
    });
  }
  if (path.byteLength === 0 || path.indexOf(0, 1) > 0) {
    throw invalid('A Unix socket needs a path with no NUL after its first byte:', address);
  }
  view.setUint16(sockaddr_un.sun_family, system.AF_UNIX, true);
  bytes.set(path, sockaddr_un.sun_path);
  // An abstract name ends with its length; a path ends with a NUL.
  return sockaddr_un.sun_path + path.byteLength + (path[0] === 0 ? 0 : 1);
}

/** The eight groups of a valid IPv6 address without a zone, `::` and a dotted tail included. */
export function parseIpv6(text: string): number[] {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  let plain = text;
  if (dotted !== null) {
    const [a = 0, b = 0, c = 0, d = 0] = dotted.slice(2).map(Number);
    plain = `${dotted[1]}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  }
  const [head = '', tail] = plain.split('::');
  const groups = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  const before = groups(head);
  const after = tail === undefined ? [] : groups(tail);
  return [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after];
}

/** Reads an address of `byteLength` bytes at `byteOffset`. */
export function decodeSockaddr(
  system: AddressSystem,
  slab: Slab,
  byteOffset: number,
  byteLength: number,
): SocketAddress {
  const bytes = slab.u8.subarray(byteOffset, byteOffset + byteLength);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (view.getUint16(sockaddr_in.sin_family, true)) {
    case system.AF_INET: {
      return {
        family: 'ipv4',
        address: bytes.subarray(sockaddr_in.sin_addr, sockaddr_in.sin_zero).join('.'),
        port: view.getUint16(sockaddr_in.sin_port),
      };
    }
    case system.AF_INET6:
      return { family: 'ipv6', address: formatIpv6(system, view), port: view.getUint16(sockaddr_in6.sin6_port) };
    default: {
      const path = bytes.subarray(sockaddr_un.sun_path);
      const end = path[0] === 0 ? path.byteLength : path.indexOf(0);
      return { family: 'unix', path: Buffer.from(end < 0 ? path : path.subarray(0, end)).toString() };
    }
  }
}

/** Formats as RFC 5952: lower case, with the longest run of zeros shortened. IPv4 inside IPv6 is dotted, as in Node. */
function formatIpv6(system: AddressSystem, view: DataView): string {
  const groups = Array.from({ length: 8 }, (_, index) => view.getUint16(sockaddr_in6.sin6_addr + 2 * index));
  const scope = view.getUint32(sockaddr_in6.sin6_scope_id, true);
  const zone = scope === 0 ? '' : `%${system.zoneName(scope) ?? scope}`;
  if (hasMappedPrefix(groups)) {
    const [high = 0, low = 0] = groups.slice(6);
    return `::ffff:${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
  }
  let best = { start: 0, length: 1 };
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (start + length < 8 && groups[start + length] === 0) {
      length++;
    }
    if (length > best.length) {
      best = { start, length };
    }
  }
  const text = (part: number[]): string => part.map((group) => group.toString(16)).join(':');
  if (best.length === 1) {
    return text(groups) + zone;
  }
  return `${text(groups.slice(0, best.start))}::${text(groups.slice(best.start + best.length))}${zone}`;
}
