/** Wake-ups on Windows that select can wait for: a connection of this process to itself. Each byte is a wake-up. */

import type { SocketAddress } from '../../base/address.js';
import { lazySlab, Slab } from '../../ffi/memory.js';
import { WSAEWOULDBLOCK } from '../../ffi/windows/constants.js';
import { ws2_32 } from '../../ffi/windows/ws2_32.js';
import type { Wake } from '../common/wakeable-wait.js';
import { windowsErrors } from './errors.js';
import type { WindowsNonBlocking } from './non-blocking.js';

const LOOPBACK: SocketAddress = { family: 'ipv4', address: '127.0.0.1', port: 0 };

/** Maximum wake-ups that one `take` reads. */
const TAKEN_MAX = 65536;

/** On Wine 8 a send fails with WSAEWOULDBLOCK while another thread sends, up to a hundred times in a row. */
const SEND_TRIES_MAX = 1000;

const one = lazySlab(1);

/**
 * Posts a wake-up to the SOCKET `handle`, from any thread. If the connection is full, its other end is readable anyway,
 * and only the number of wake-ups is too low.
 */
export function wakeSocket(handle: number): void {
  const { address } = one();
  for (let tries = 0; tries < SEND_TRIES_MAX; tries++) {
    if (ws2_32().send(handle, address, 1, 0) >= 0) {
      return;
    }
    const number = ws2_32().WSAGetLastError();
    if (number !== WSAEWOULDBLOCK) {
      throw windowsErrors.create(number, 'send');
    }
  }
}

export class WakeSockets implements Wake {
  readonly readable: number;
  /** The SOCKET of the end that is written. */
  readonly descriptor: number;
  readonly #sockets: WindowsNonBlocking;
  readonly #writable: number;
  readonly #bytes = new Slab(TAKEN_MAX);

  constructor(sockets: WindowsNonBlocking) {
    this.#sockets = sockets;
    [this.#writable, this.readable] = connectedPair(sockets);
    try {
      for (const socket of [this.#writable, this.readable]) {
        sockets.setOption(socket, 'noDelay', 1);
        // Closing leaves no port in TIME_WAIT.
        sockets.setOption(socket, 'resetOnClose', 1);
      }
    } catch (error) {
      this.close();
      throw error;
    }
    this.descriptor = sockets.records.of(this.#writable).handle;
  }

  wake(): void {
    wakeSocket(this.descriptor);
  }

  /** Returns the number of wake-ups since the last call. */
  take(): number {
    return Math.max(0, this.#sockets.receive(this.readable, this.#bytes.address, TAKEN_MAX));
  }

  close(): void {
    this.#sockets.close(this.#writable);
    this.#sockets.close(this.readable);
  }
}

/** Two sockets that are connected to each other. */
function connectedPair(sockets: WindowsNonBlocking): [connected: number, accepted: number] {
  const creation = { family: 'ipv4', dualStack: false } as const;
  const listener = sockets.create(creation);
  let connected: number | undefined;
  try {
    sockets.bind(listener, LOOPBACK, { reusePort: false });
    sockets.listen(listener, 1);
    connected = sockets.create(creation);
    // Both calls block, but a connection to the same process is established immediately.
    for (const socket of [listener, connected]) {
      sockets.setNonBlocking(sockets.records.of(socket).handle, false);
    }
    check(sockets.connect(connected, sockets.encodeAddress(sockets.localAddress(listener))), 'connect');
    const accepted = acceptFrom(sockets, listener, sockets.localAddress(connected));
    sockets.setNonBlocking(sockets.records.of(connected).handle, true);
    return [connected, accepted];
  } catch (error) {
    if (connected !== undefined) {
      sockets.close(connected);
    }
    throw error;
  } finally {
    sockets.close(listener);
  }
}

/** Accepts the connection from `address`, and no other: any process of this machine can connect. */
function acceptFrom(sockets: WindowsNonBlocking, listener: number, address: SocketAddress): number {
  for (;;) {
    const accepted = sockets.accept(listener);
    check(accepted, 'accept');
    if (portOf(sockets.remoteAddress(accepted)) === portOf(address)) {
      return accepted;
    }
    sockets.close(accepted);
  }
}

function portOf(address: SocketAddress): number {
  return address.family === 'unix' ? 0 : address.port;
}

function check(result: number, syscall: string): void {
  if (result < 0) {
    throw windowsErrors.create(-result, syscall);
  }
}
