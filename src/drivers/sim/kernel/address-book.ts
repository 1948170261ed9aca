/** Who is bound to which address of a simulated network, and who listens there. */

import type { SocketAddress } from '../../../base/address.js';
import { anyOf, type InternetAddress, isAny, isLocal, unmapped } from './addresses.js';
import { EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT } from './errno.js';
import type { SimSocket } from './socket.js';

/** Ports that the system chooses from (net.ipv4.ip_local_port_range). */
const PORT_FIRST = 32_768;
const PORT_LAST = 60_999;

const UNIX_ABSTRACT = '\0';

export class AddressBook {
  readonly #ports = new Map<number, SimSocket[]>();
  /** A path stays until it is removed, also when its socket is closed. */
  readonly #paths = new Map<string, SimSocket>();
  #nextPort = PORT_FIRST;

  /** Gives a socket an address in its one spelling; returns 0 or an error number. */
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

  /** A socket that connects or listens without an address gets one. Returns 0 or an error number. */
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

  /** A port that nobody has, in turn; -1 when there is none. */
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

  /** A socket is closed. */
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

  /** Takes a path away from a socket, or from whoever has it. */
  removePath(path: string, socket = this.#paths.get(path)): void {
    if (this.#paths.get(path) === socket) {
      this.#paths.delete(path);
    }
  }

  /** Those who listen at an address: at that very one, or else at all of them. */
  listenersAt(address: SocketAddress): SimSocket[] {
    if (address.family === 'unix') {
      const socket = this.#paths.get(address.path);
      return socket?.state === 'listening' ? [socket] : [];
    }
    const wanted = unmapped(address);
    const listening = (this.#ports.get(address.port) ?? []).filter((socket) => socket.state === 'listening');
    const exact = listening.filter((socket) => unmapped(socket.local as InternetAddress).address === wanted.address);
    return exact.length > 0 ? exact : listening.filter((socket) => hearsAll(socket, wanted.family));
  }
}

/** Whether a socket is bound to all addresses of a family. */
function hearsAll(socket: SimSocket, family: 'ipv4' | 'ipv6'): boolean {
  const local = socket.local as InternetAddress;
  return isAny(local) && (local.family === family || (local.family === 'ipv6' && socket.dualStack));
}

/** Whether two sockets at one port would hear the same connects. */
function conflicts(socket: SimSocket, address: InternetAddress, other: SimSocket): boolean {
  if (socket.reusePort && other.reusePort) {
    return false;
  }
  const [mine, theirs] = [unmapped(address), unmapped(other.local as InternetAddress)];
  if (mine.family === theirs.family) {
    return mine.address === theirs.address || isAny(mine) || isAny(theirs);
  }
  const all = { address: anyOf('ipv6') };
  return (mine.address === all.address && socket.dualStack) || (theirs.address === all.address && other.dualStack);
}
