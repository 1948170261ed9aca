/** The bound addresses of a simulated network, and their sockets. */

import type { SocketAddress } from '../../../base/address.js';
import { anyOf, type InternetAddress, isAny, isLocal, unmapped } from './addresses.js';
import { EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT } from './errno.js';
import type { SimSocket } from './socket.js';

/** The range of ephemeral ports (Linux's net.ipv4.ip_local_port_range). */
const PORT_FIRST = 32_768;
const PORT_LAST = 60_999;

const UNIX_ABSTRACT = '\0';

export class AddressBook {
  readonly #ports = new Map<number, SimSocket[]>();
  /** A path stays until it is removed, even after its socket is closed. */
  readonly #paths = new Map<string, SimSocket>();
  #nextPort = PORT_FIRST;

  /** Binds a socket to a canonical address; returns 0 or an error number. */
  bind(socket: SimSocket, address: SocketAddress): number {
    if (address.family === 'unix') {
      return this.#bindPath(socket, address.path);
    }
    if (address.family !== socket.family) {
      return EAFNOSUPPORT;
    }
    if (!isLocal(address)) {
      return EADDRNOTAVAIL;
    }
    const port = address.port === 0 ? this.#freePort() : address.port;
    if (port < 0 || (this.#ports.get(port) ?? []).some((other) => conflicts(socket, address, other))) {
      return EADDRINUSE;
    }
    this.#add(socket, { ...address, port });
    return 0;
  }

  /** Binds an unbound socket that connects or listens to an ephemeral port. Returns 0 or an error number. */
  bindAnywhere(socket: SimSocket, address: string): number {
    const port = this.#freePort();
    if (port < 0) {
      return EADDRNOTAVAIL;
    }
    this.#add(socket, { family: socket.family as 'ipv4' | 'ipv6', address, port });
    return 0;
  }

  #bindPath(socket: SimSocket, path: string): number {
    if (socket.family !== 'unix') {
      return EAFNOSUPPORT;
    }
    if (this.#paths.has(path)) {
      return EADDRINUSE;
    }
    this.#paths.set(path, socket);
    socket.local = { family: 'unix', path };
    socket.bound = true;
    return 0;
  }

  #add(socket: SimSocket, address: InternetAddress): void {
    const others = this.#ports.get(address.port);
    if (others === undefined) {
      this.#ports.set(address.port, [socket]);
    } else {
      others.push(socket);
    }
    socket.local = address;
    socket.bound = true;
  }

  /** The next free ephemeral port; -1 if there is none. */
  #freePort(): number {
    for (let tries = PORT_FIRST; tries <= PORT_LAST; tries++) {
      const port = this.#nextPort;
      this.#nextPort = port === PORT_LAST ? PORT_FIRST : port + 1;
      if (!this.#ports.has(port)) {
        return port;
      }
    }
    return -1;
  }

  /** Frees the address of a closed socket. */
  release(socket: SimSocket): void {
    if (!socket.bound) {
      return;
    }
    socket.bound = false;
    const { local } = socket;
    if (local.family === 'unix') {
      if (local.path.startsWith(UNIX_ABSTRACT)) {
        this.#paths.delete(local.path);
      }
      return;
    }
    const others = (this.#ports.get(local.port) ?? []).filter((other) => other !== socket);
    if (others.length === 0) {
      this.#ports.delete(local.port);
    } else {
      this.#ports.set(local.port, others);
    }
  }

  hasPath(path: string): boolean {
    return this.#paths.has(path);
  }

  /** Removes a path. @param socket if given, only if the path is this socket's */
  removePath(path: string, socket = this.#paths.get(path)): void {
    if (this.#paths.get(path) === socket) {
      this.#paths.delete(path);
    }
  }

  /** The sockets that listen at exactly this address or, if there are none, at all addresses. */
  listenersAt(address: SocketAddress): SimSocket[] {
    if (address.family === 'unix') {
      const socket = this.#paths.get(address.path);
      return socket?.state === 'listening' ? [socket] : [];
    }
    const wanted = unmapped(address);
    const listening = (this.#ports.get(address.port) ?? []).filter((socket) => socket.state === 'listening');
    const exact = listening.filter((socket) => unmapped(socket.local as InternetAddress).address === wanted.address);
    return exact.length > 0 ? exact : listening.filter((socket) => isBoundToAll(socket, wanted.family));
  }
}

/** Whether a socket is bound to all addresses of a family. */
function isBoundToAll(socket: SimSocket, family: 'ipv4' | 'ipv6'): boolean {
  const local = socket.local as InternetAddress;
  return isAny(local) && (local.family === family || (local.family === 'ipv6' && socket.dualStack));
}

/** Whether two sockets at one port would accept the same connections. */
function conflicts(socket: SimSocket, address: InternetAddress, other: SimSocket): boolean {
  if (socket.reusePort && other.reusePort) {
    return false;
  }
  const [ours, theirs] = [unmapped(address), unmapped(other.local as InternetAddress)];
  if (ours.family === theirs.family) {
    return ours.address === theirs.address || isAny(ours) || isAny(theirs);
  }
  const all = { address: anyOf('ipv6') };
  return (ours.address === all.address && socket.dualStack) || (theirs.address === all.address && other.dualStack);
}
