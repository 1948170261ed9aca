/** The lookup of a host, with the events and the errors of a socket of Node. */

import nodeNet from 'node:net';
import { process } from '../../base/runtime.js';
import { invalidAddressFamily, invalidIpAddress } from '../errors.js';
import type { NetSocket } from '../socket/state.js';
import type { CheckedConnect } from './options.js';

/** An address to connect to. */
export interface Destination {
  readonly address: string;
  /** 4 or 6. */
  readonly family: number;
}

/** The program has no listener yet when `connect` fails at once. */
function failSoon(socket: NetSocket, error: Error): void {
  process.nextTick(() => socket.destroy(error));
}

/** Returns the error of an address that cannot be used; undefined for a good one. */
function problemOf(address: unknown, family: unknown, options: CheckedConnect): Error | undefined {
  if (typeof address !== 'string' || nodeNet.isIP(address) === 0) {
    return invalidIpAddress(address);
  }
  return family === 4 || family === 6 ? undefined : invalidAddressFamily(family, options.givenHost, options.givenPort);
}

/** Looks one address up. */
export function lookUpOne(socket: NetSocket, options: CheckedConnect, found: (address: Destination) => void): void {
  const { host, family, hints, lookup } = options;
  lookup(host, { family, hints }, (error, address, addressFamily) => {
    socket.emit('lookup', error, address, addressFamily, host);
    if (!socket.connecting) {
      return;
    }
    const problem = error ?? problemOf(address, addressFamily, options);
    if (problem) {
      failSoon(socket, problem);
    } else {
      found({ address: address as string, family: addressFamily as number });
    }
  });
}

/** Looks all addresses up. They come with the families in turn, beginning with that of the first one. */
export function lookUpAll(
  socket: NetSocket,
  options: CheckedConnect,
  found: (addresses: readonly Destination[]) => void,
): void {
  const { host, family, hints, lookup } = options;
  lookup(host, { family, hints, all: true }, (error, addresses) => {
    if (!socket.connecting) {
      return;
    }
    if (error) {
      socket.emit('lookup', error, undefined, undefined, host);
      failSoon(socket, error);
      return;
    }
    const usable = usableOf(socket, options, addresses as readonly Destination[]);
    if (usable === undefined) {
      return;
    }
    if (usable.length === 0) {
      const [first] = addresses as readonly Destination[];
      const problem = problemOf(first?.address, first?.family, options);
      if (problem !== undefined) {
        failSoon(socket, problem);
      }
      return;
    }
    found(inTurn(usable));
  });
}

/** The usable addresses, each once; undefined when a listener has destroyed the socket. */
function usableOf(
  socket: NetSocket,
  options: CheckedConnect,
  addresses: readonly Destination[],
): Destination[] | undefined {
  const usable = new Map<string, Destination>();
  for (const { address, family } of addresses) {
    socket.emit('lookup', null, address, family, options.host);
    if (!socket.connecting) {
      return undefined;
    }
    if (problemOf(address, family, options) === undefined && !usable.has(address)) {
      usable.set(address, { address, family });
    }
  }
  return [...usable.values()];
}

function inTurn(addresses: readonly Destination[]): Destination[] {
  const first = addresses.filter(({ family }) => family === addresses[0]?.family);
  const second = addresses.filter(({ family }) => family !== addresses[0]?.family);
  const order: Destination[] = [];
  for (let index = 0; index < Math.max(first.length, second.length); index++) {
    order.push(...first.slice(index, index + 1), ...second.slice(index, index + 1));
  }
  return order;
}
