/**
 * Addresses to connect from, on hosts of the loopback network that are this process's. Left to itself the system looks for
 * a free port one by one, and past the half of its range, some 14,000 that are in use or were a moment ago, it goes through
 * all of them for each connection, 10 ms. A bind that leaves the port open has to find one that no connection of that host
 * has to anywhere, be it a load beside this one or a connection that ended a minute ago.
 */

import type { SocketAddress } from 'overlapped';

const PORT_MIN = 10_000;
const PORT_MAX = 65_535;

/** @param hosts of which each has some 55,000 addresses; then they come again */
export function* ownAddresses(hosts: number): Generator<SocketAddress, never> {
  const { pid } = process;
  for (;;) {
    for (let host = 0; host < hosts; host++) {
      const address = `127.${1 + (((pid >> 16) + host) % 254)}.${(pid >> 8) % 256}.${pid % 256}`;
      for (let port = PORT_MIN; port <= PORT_MAX; port++) {
        yield { family: 'ipv4', address, port };
      }
    }
  }
}
