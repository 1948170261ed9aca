/**
 * Addresses to connect from, on hosts of the loopback network that only this process uses. By itself the system
 * searches for a free port one by one, and above half of its range, some 14,000 ports in use or used a moment ago, it
 * searches all of them for each connection, which takes 10 ms. A bind with port 0 must find a port that no connection
 * of that host has to anywhere, be it of a load beside this one or of a connection that ended a minute ago.
 *
 * Ports of the system's ephemeral range are left to the system: it does not hand out a port that was bound by number
 * for a minute, whatever the host, and other programs here want to connect too.
 */

import { readFileSync } from 'node:fs';
import type { SocketAddress } from 'overlapped';

const PORT_MIN = 10_000;
const PORT_MAX = 65_535;
/** Fewer are not worth to be looked through: where the system has all, it has to share. */
const PORTS_MIN = 5000;

/** Ports from `PORT_MIN` on that are not the system's to choose from (ip(7), ip_local_port_range). */
export function ownPorts(range = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8')): readonly number[] {
  const [first = 0, last = 0] = range.trim().split(/\s+/).map(Number);
  const all = Array.from({ length: PORT_MAX - PORT_MIN + 1 }, (_, index) => PORT_MIN + index);
  const own = all.filter((port) => port < first || port > last);
  return own.length < PORTS_MIN ? all : own;
}

/** @param hosts of which each has all own ports, some 27,000 as Linux is set up; then they come again */
export function* ownAddresses(hosts: number): Generator<SocketAddress, never> {
  const { pid } = process;
  const ports = ownPorts();
  for (;;) {
    for (let host = 0; host < hosts; host++) {
      const address = `127.${1 + (((pid >> 16) + host) % 254)}.${(pid >> 8) % 256}.${pid % 256}`;
      for (const port of ports) {
        yield { family: 'ipv4', address, port };
      }
    }
  }
}
