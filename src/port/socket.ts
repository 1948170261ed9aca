/** An overlapped socket: one that operations can be posted on. */

import type { SocketAddress, SocketFamily } from '../drivers/address.js';
import type { BindOptions, SocketCalls, SocketOption } from '../drivers/driver.js';
import { OperationError } from '../drivers/error.js';
import type { PortCore } from './core.js';

export type SocketState = 'created' | 'listening' | 'connecting' | 'connected' | 'failed' | 'closing' | 'closed';

/** Connections that wait to be accepted; the system caps it (net.core.somaxconn). */
export const BACKLOG = 4096;

/** Made by `CompletionPort.createSocket`, or by a completed accept. */
export class OverlappedSocket {
  readonly family: SocketFamily;
  /** The completion key: whatever `associate` was given. */
  key: unknown = undefined;
  /** @internal The system's number of the socket. */
  readonly handle: number;
  /** @internal */
  state: SocketState;
  /** @internal The port it was associated with. */
  port: PortCore | undefined = undefined;
  /** @internal */
  operationsInFlight = 0;
  /** @internal Slot of the accept or receive in flight; -1 when there is none. */
  readSlot = -1;
  /** @internal Slot of the connect in flight; -1 when there is none. */
  connectSlot = -1;
  /** @internal Sends and shutdowns in order: first and last slot; -1 when there are none. */
  firstSend = -1;
  /** @internal */
  lastSend = -1;
  /** @internal Whether the first of them is with the driver. */
  sending = false;
  /** @internal The last of them that is with the driver, while `sending`. */
  lastWithDriver = -1;
  /** @internal The send that is with the driver was asked to end. */
  sendsCancelled = false;
  /** @internal */
  connectAddress: SocketAddress | undefined = undefined;
  /** @internal A path that this socket made by binding, removed when it is closed. */
  boundPath: string | undefined = undefined;
  /** @internal Of the port that made it. */
  readonly calls: SocketCalls;
  #remoteAddress: SocketAddress | undefined = undefined;

  /** @internal */
  constructor(calls: SocketCalls, handle: number, family: SocketFamily, state: SocketState) {
    this.calls = calls;
    this.handle = handle;
    this.family = family;
    this.state = state;
  }

  /** Whether `closeSocket` was called for it. */
  get closed(): boolean {
    return this.state === 'closing' || this.state === 'closed';
  }

  /**
   * Gives the socket its local address.
   * @throws OperationError `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES`, `EINVAL`; `ENAMETOOLONG` for a path of more than 107 bytes
   */
  bind(address: SocketAddress, options: Partial<BindOptions> = {}): void {
    this.#requireState('bind', 'created');
    this.calls.bind(this.handle, address, { reusePort: options.reusePort ?? false });
    if (address.family === 'unix' && !address.path.startsWith('\0')) {
      this.boundPath = address.path;
    }
  }

  /**
   * Starts listening; then accepts can be posted.
   * @param backlog connections that may wait to be accepted
   * @throws OperationError `EADDRINUSE`
   */
  listen(backlog: number = BACKLOG): void {
    this.#requireState('listen', 'created');
    this.calls.listen(this.handle, backlog);
    this.state = 'listening';
  }

  /** The address the socket is bound to. */
  localAddress(): SocketAddress {
    this.#requireOpen('getsockname');
    return this.calls.localAddress(this.handle);
  }

  /** The peer's address. @throws OperationError `ENOTCONN` when there is none, or no longer. */
  remoteAddress(): SocketAddress {
    if (this.#remoteAddress === undefined) {
      this.#requireOpen('getpeername');
      this.#remoteAddress = this.calls.remoteAddress(this.handle);
    }
    return this.#remoteAddress;
  }

  /**
   * Sets an option. Accepted sockets have those of their listener.
   * `noDelay`, `keepAlive`: 0 or 1. `sendBufferBytes`, `receiveBufferBytes`: the system may round them.
   * `userTimeoutMs`: how long sent data may go unacknowledged, and connecting may take, before `ETIMEDOUT`.
   */
  setOption(option: Exclude<SocketOption, 'resetOnClose'>, value: number): void {
    this.#requireOpen('setsockopt');
    this.calls.setOption(this.handle, option, value);
  }

  /** An option's value. */
  getOption(option: Exclude<SocketOption, 'resetOnClose'>): number {
    this.#requireOpen('getsockopt');
    return this.calls.getOption(this.handle, option);
  }

  #requireOpen(syscall: string): void {
    if (this.closed) {
      throw new OperationError({ code: 'EBADF', reason: 'The socket is closed', syscall });
    }
  }

  #requireState(syscall: string, state: SocketState): void {
    this.#requireOpen(syscall);
    if (this.state !== state) {
      throw new OperationError({ code: 'EINVAL', reason: `The socket is ${this.state}, expected ${state}`, syscall });
    }
  }
}
