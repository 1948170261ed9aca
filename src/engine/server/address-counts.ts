/** Counts the connections of each peer's address; of IPv6, of each network of 64 bits, as one peer usually has a whole one. */

import { isIPv6 } from 'node:net';
import { hasMappedPrefix, parseIpv6, splitZone } from '../../drivers/common/sockaddr.js';
import type { OverlappedSocket } from '../../port/socket.js';

const IPV6_NETWORK_GROUPS = 4;

/** The network that an address counts for: an IPv4 address, also one mapped into IPv6; otherwise the first four groups. */
export function networkOf(address: string): string {
  if (!isIPv6(address)) {
    return address;
  }
  const { text, zone } = splitZone(address);
  const groups = parseIpv6(text);
  if (hasMappedPrefix(groups)) {
    const [high = 0, low = 0] = groups.slice(6);
    return [high >> 8, high & 255, low >> 8, low & 255].join('.');
  }
  const network = groups
    .slice(0, IPV6_NETWORK_GROUPS)
    .map((group) => group.toString(16))
    .join(':');
  // Each link has a network of that name.
  const linkLocal = ((groups[0] as number) & 0xffc0) === 0xfe80;
  return linkLocal && zone !== undefined ? `${network}%${zone}` : network;
}

export class AddressCounts {
  readonly #counts = new Map<string, number>();

  /** Counts a connection, unless its address has `most` already. Returns whether it was counted. */
  add(socket: OverlappedSocket, most: number): boolean {
    const network = this.#networkOf(socket);
    const count = this.#counts.get(network) ?? 0;
    if (count >= most) {
      return false;
    }
    this.#counts.set(network, count + 1);
    return true;
  }

  /** A connection that was counted is closed. */
  remove(socket: OverlappedSocket): void {
    const network = this.#networkOf(socket);
    const count = this.#counts.get(network) ?? 0;
    if (count <= 1) {
      this.#counts.delete(network);
    } else {
      this.#counts.set(network, count - 1);
    }
  }

  /** The socket caches its peer's address. Peers that are gone by the first call count together, under one name. */
  #networkOf(socket: OverlappedSocket): string {
    try {
      const address = socket.remoteAddress();
      return address.family === 'unix' ? 'unix' : networkOf(address.address);
    } catch {
      return '';
    }
  }
}
