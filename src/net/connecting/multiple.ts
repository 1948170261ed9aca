/** The addresses of a host, tried one after the other: the option `autoSelectFamily`. */

import { clearTimeout, setTimeout } from '../../base/runtime.js';
import { addressError, allFailed, blockedAddress, failureOfCode, plainError } from '../errors.js';
import { type NetSocket, STATE } from '../socket/state.js';
import type { ConnectCall } from './call.js';
import type { Destination } from './lookup.js';

export interface MultipleOptions {
  readonly port: number;
  readonly localPort: number | undefined;
  readonly attemptMs: number;
}

class Attempts {
  readonly #call: ConnectCall;
  readonly #socket: NetSocket;
  readonly #addresses: readonly Destination[];
  readonly #options: MultipleOptions;
  readonly #errors: Error[] = [];
  #next = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(call: ConnectCall, addresses: readonly Destination[], options: MultipleOptions) {
    this.#call = call;
    this.#socket = call.socket;
    this.#addresses = addresses;
    this.#options = options;
    this.#socket.autoSelectFamilyAttemptedAddresses = [];
    call.onConnected = () => clearTimeout(this.#timer);
  }

  tryNext(): void {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    if (socket._aborted === true || !socket.connecting) {
      return;
    }
    const destination = this.#addresses[this.#next];
    if (destination === undefined) {
      socket.destroy(this.#errors.length === 0 ? plainError('ERR_SOCKET_CONNECTION_TIMEOUT') : allFailed(this.#errors));
      return;
    }
    const turn = ++this.#next;
    const { port, localPort } = this.#options;
    if (this.#call.blocks(destination)) {
      const error = blockedAddress(destination.address);
      this.#errors.push(error);
      socket.emit('connectionAttemptFailed', destination.address, port, destination.family, error);
      this.tryNext();
      return;
    }
    const place = `${destination.address}:${port}`;
    socket.autoSelectFamilyAttemptedAddresses?.push(place);
    this.#call.attempt(destination, port, localPort, (error) => this.#failed(destination, error));
    // An attempt that failed at once has begun the next one.
    if (this.#next === turn && turn < this.#addresses.length && socket[STATE].attempt !== undefined) {
      this.#timer = setTimeout(() => this.#timedOut(destination), this.#options.attemptMs);
    }
  }

  #failed({ address, family }: Destination, error: NodeJS.ErrnoException): void {
    this.#errors.push(error);
    if (error.syscall === 'connect') {
      this.#socket.emit('connectionAttemptFailed', address, this.#options.port, family, error);
    }
    this.tryNext();
  }

  /** The address is given up. */
  #timedOut({ address, family }: Destination): void {
    const { port } = this.#options;
    const state = this.#socket[STATE];
    if (state.attempt === undefined) {
      return;
    }
    this.#socket.emit('connectionAttemptTimeout', address, port, family);
    this.#errors.push(addressError(failureOfCode('ETIMEDOUT'), 'connect', { address, port }));
    state.attempt?.cancel();
    state.attempt = undefined;
    this.tryNext();
  }
}

export function connectMultiple(call: ConnectCall, addresses: readonly Destination[], options: MultipleOptions): void {
  new Attempts(call, addresses, options).tryNext();
}
