/** The addresses of a socket, in the form of `node:net`. */

import type { SocketAddress } from '../../base/address.js';
import type { AddressInfo, SocketState } from './state.js';

const NO_ADDRESS: AddressInfo = Object.freeze({});

export function addressInfo(address: SocketAddress): AddressInfo {
  return address.family === 'unix'
    ? {}
    : { address: address.address, family: address.family === 'ipv6' ? 'IPv6' : 'IPv4', port: address.port };
}

/** The peer's address. The first call remembers it to the end. */
export function peerNameOf(state: SocketState): AddressInfo {
  const { connection, socket } = state;
  if (state.peerName === undefined && connection !== undefined && !socket.connecting) {
    try {
      state.peerName = addressInfo(connection.remoteAddress);
    } catch {
      return NO_ADDRESS;
    }
  }
  return state.peerName ?? NO_ADDRESS;
}

/** The address of our end. */
export function localNameOf(state: SocketState): AddressInfo {
  const { connection } = state;
  if (state.localName === undefined && connection !== undefined) {
    try {
      state.localName = addressInfo(connection.localAddress);
    } catch {
      return NO_ADDRESS;
    }
  }
  return state.localName ?? NO_ADDRESS;
}
