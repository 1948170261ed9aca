/** The calls on simulated sockets that end immediately. */

import type { SocketAddress } from '../../../base/address.js';
import {
  type BindOptions,
  type BoundPath,
  OPTIONS_IN_SECONDS,
  type SocketCalls,
  type SocketCreation,
  type SocketOption,
} from '../../driver.js';
import { linuxErrors } from '../../linux/errors.js';
import { anyOf, canonical } from './addresses.js';
import { EADDRINUSE, EADDRNOTAVAIL, EBADF, EINVAL, EMFILE, ENOTCONN } from './errno.js';
import type { Kernel } from './kernel.js';
import type { SimSocket } from './socket.js';

export class SimSockets implements SocketCalls {
  readonly hasReceiveLowWater = true;
  readonly sharesPorts = true;
  readonly #kernel: Kernel;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  socketsMax(): number {
    return this.#kernel.faults.socketsMax;
  }

  create(creation: SocketCreation): number {
    if (!this.#kernel.hasRoom) {
      throw linuxErrors.create(EMFILE, 'socket');
    }
    return this.#kernel.create(creation.family, creation.dualStack).number;
  }

  bind(socket: number, address: SocketAddress, options: BindOptions): BoundPath | undefined {
    const wanted = canonical(address);
    const bound = this.#of(socket, 'bind');
    bound.reusePort = options.reusePort;
    const failed = bound.bound ? EINVAL : this.#kernel.book.bind(bound, wanted);
    if (failed !== 0) {
      throw linuxErrors.create(failed, 'bind', wanted);
    }
    const makesFile = wanted.family === 'unix' && !wanted.path.startsWith('\0');
    return makesFile ? { path: wanted.path, identity: String(socket), problem: undefined } : undefined;
  }

  listen(socket: number, backlog: number): void {
    const listener = this.#of(socket, 'listen');
    const { book, connects } = this.#kernel;
    if (!listener.bound) {
      const failed = listener.family === 'unix' ? EINVAL : book.bindAnywhere(listener, anyOf(listener.family));
      if (failed !== 0) {
        throw linuxErrors.create(failed === EADDRNOTAVAIL ? EADDRINUSE : failed, 'listen', listener.local);
      }
    }
    connects.listen(listener, backlog);
  }

  reachIpv4(socket: number): void {
    const connecting = this.#of(socket, 'setsockopt');
    connecting.dualStack ||= !connecting.bound;
  }

  localAddress(socket: number): SocketAddress {
    return this.#of(socket, 'getsockname').local;
  }

  remoteAddress(socket: number): SocketAddress {
    const { remote, state } = this.#of(socket, 'getpeername');
    if (remote === undefined || state !== 'connected') {
      throw linuxErrors.create(ENOTCONN, 'getpeername');
    }
    return remote;
  }

  setOption(socket: number, option: SocketOption, value: number): void {
    const changed = this.#of(socket, 'setsockopt');
    changed.options[option] = OPTIONS_IN_SECONDS.has(option) ? value - (value % 1000) : value;
    if (option === 'receiveLowWaterBytes') {
      this.#kernel.readable(changed);
      this.#kernel.settle();
    }
  }

  getOption(socket: number, option: SocketOption): number {
    return this.#of(socket, 'getsockopt').options[option];
  }

  sendProgress(socket: number): number | undefined {
    const peer = this.#kernel.socketOf(socket)?.peer;
    return peer?.incoming.accepted(peer.options.receiveBufferBytes);
  }

  sendNow(socket: number, address: number, byteLength: number): number {
    return this.#kernel.sendNow(this.#of(socket, 'send'), address, byteLength);
  }

  shutdownSend(socket: number): void {
    const ended = this.#of(socket, 'shutdown');
    if (ended.state !== 'connected' || ended.error !== 0) {
      throw linuxErrors.create(ENOTCONN, 'shutdown');
    }
    this.#kernel.transport.end(ended);
    this.#kernel.settle();
  }

  shutdownBoth(socket: number): void {
    const ended = this.#kernel.socketOf(socket);
    if (ended?.state === 'listening') {
      this.#kernel.connects.stopListening(ended);
    } else if (ended?.state === 'connected') {
      this.#kernel.transport.shutdownBoth(ended);
    }
    this.#kernel.settle();
  }

  close(socket: number): void {
    const closed = this.#kernel.socketOf(socket);
    if (closed !== undefined) {
      this.#kernel.close(closed);
      this.#kernel.settle();
    }
  }

  removePath({ path, identity }: BoundPath): void {
    this.#kernel.book.removePath(path, this.#kernel.socketOf(Number(identity)));
  }

  #of(number: number, syscall: string): SimSocket {
    const socket = this.#kernel.socketOf(number);
    if (socket === undefined) {
      throw linuxErrors.create(EBADF, syscall);
    }
    return socket;
  }
}
