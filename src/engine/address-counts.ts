/** Connections of each peer's address. Addresses of IPv6 count by their first 64 bits: a peer has all of such a network. */

import { isIPv6 } from 'node:net';
import type { OverlappedSocket } from '../port/socket.js';

const IPV6_GROUPS = 8;
const IPV6_NETWORK_GROUPS = 4;

/** The first four groups of an IPv6 address, whatever its spelling; of a mapped IPv4 address all of it. */
export function networkOf(address: string): string {
  if (!isIPv6(address) || address.includes('.')) {
    return address;
  }
  const [head = '', tail] = (address.split('%')[0] as string).split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : IPV6_GROUPS - before.length - after.length;
  const groups = [...before, ...Array<string>(zeros).fill('0'), ...after];
  return groups
    .slice(0, IPV6_NETWORK_GROUPS)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}

export class AddressCounts {
  readonly #counts = new Map<string, number>();

  /** Counts a connection, unless its address has so many already. */
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

  /** The socket remembers its peer's address once it was asked for it. Peers that are gone already count together. */
  #networkOf(socket: OverlappedSocket): string {
    try {
      const address = socket.remoteAddress();
      return address.family === 'unix' ? 'unix' : networkOf(address.address);
    } catch {
      return '';
    }
  }
}
