/** Connects and listeners: a connect finds a listener, waits for room in its backlog, fails, or is lost. */

import type { SocketAddress } from '../../../base/address.js';
import { TRACE } from '../trace.js';
import { type InternetAddress, isAny, isLocal, reachable, unmapped } from './addresses.js';
import { EAFNOSUPPORT, ECANCELED, ECONNREFUSED, ENETUNREACH, ENOENT, ETIMEDOUT } from './errno.js';
import type { SimSocket } from './socket.js';
import type { KernelState } from './state.js';
import type { Transport } from './transport.js';

/** Timeout of a connect without `userTimeoutMs`, in ms: about the time of Linux's six retries. */
export const CONNECT_TIMEOUT_MS = 130_000;

/** The address that a connecting socket is bound to. */
const LOOPBACK = { ipv4: '127.0.0.1', ipv6: '::1', mapped: '::ffff:127.0.0.1' } as const;

export class Connects {
  readonly #kernel: KernelState;
  readonly #transport: Transport;

  constructor(kernel: KernelState, transport: Transport) {
    this.#kernel = kernel;
    this.#transport = transport;
  }

  /** Starts connecting to a canonical address. */
  start(socket: SimSocket, address: SocketAddress): void {
    const { random, faults } = this.#kernel;
    socket.state = 'connecting';
    const failed = this.#route(socket, address);
    if (failed !== 0) {
      this.#end(socket, failed);
      return;
    }
    if (random.chance(faults.lostConnects)) {
      this.#startTimer(socket);
      return;
    }
    const delayMs = random.within(faults.connectDelayMs);
    if (delayMs > 0) {
      this.#startTimer(socket);
    }
    const refused = random.chance(faults.refusedConnects);
    this.#kernel.later(delayMs, () => {
      if (socket.state === 'connecting') {
        this.#find(socket, refused);
      }
    });
  }

  /** Sets the socket's local and remote addresses; returns 0 or an error number. */
  #route(socket: SimSocket, address: SocketAddress): number {
    const { book } = this.#kernel;
    if (address.family !== socket.family) {
      return EAFNOSUPPORT;
    }
    if (address.family === 'unix') {
      socket.remote = address;
      return 0;
    }
    const mappedButIpv6Only = socket.family === 'ipv6' && !socket.dualStack && unmapped(address).family === 'ipv4';
    if (!isLocal(address) || mappedButIpv6Only) {
      return ENETUNREACH;
    }
    socket.remote = reachable(address);
    const local = LOOPBACK[unmapped(address).family === address.family ? address.family : 'mapped'];
    if (!socket.bound) {
      return book.bindAnywhere(socket, local);
    }
    const bound = socket.local as InternetAddress;
    socket.local = isAny(bound) ? { ...bound, address: local } : bound;
    return 0;
  }

  /** The connect reaches the machine: finds a listener, or fails. */
  #find(socket: SimSocket, refused: boolean): void {
    const { book, random } = this.#kernel;
    const remote = socket.remote as SocketAddress;
    const listeners = refused ? [] : book.listenersAt(remote);
    if (listeners.length === 0) {
      const missing = remote.family === 'unix' && !remote.path.startsWith('\0') && !book.hasPath(remote.path);
      this.#end(socket, missing ? ENOENT : ECONNREFUSED);
      return;
    }
    const listener = listeners[listeners.length > 1 ? random.below(listeners.length) : 0] as SimSocket;
    if (listener.backlog.length > listener.backlogMax) {
      socket.waitsFor = listener;
      listener.waiting.push(socket);
      this.#startTimer(socket);
      return;
    }
    this.#transport.join(socket, listener);
    this.#end(socket, 0);
  }

  #startTimer(socket: SimSocket): void {
    const { time, events } = this.#kernel;
    // A connect to a Unix listener has no timeout.
    if (socket.connectTimer === undefined && socket.family !== 'unix') {
      const timeoutMs = socket.options.userTimeoutMs || CONNECT_TIMEOUT_MS;
      socket.connectTimer = events.add(time.now() + timeoutMs, () => this.#end(socket, ETIMEDOUT));
    }
  }

  /** A connection was accepted from the backlog: the connects that have waited longest get the room. */
  admit(listener: SimSocket): void {
    while (listener.waiting.length > 0 && listener.backlog.length <= listener.backlogMax) {
      const socket = listener.waiting[0] as SimSocket;
      this.#transport.join(socket, listener);
      this.#end(socket, 0);
    }
  }

  /** Aborts a connect. */
  abort(socket: SimSocket): void {
    if (socket.state === 'connecting') {
      this.#end(socket, ECANCELED);
    }
  }

  #end(socket: SimSocket, error: number): void {
    if (socket.connectTimer !== undefined) {
      socket.connectTimer.cancelled = true;
      socket.connectTimer = undefined;
    }
    if (socket.waitsFor !== undefined) {
      socket.waitsFor.waiting.splice(socket.waitsFor.waiting.indexOf(socket), 1);
      socket.waitsFor = undefined;
    }
    if (error !== 0) {
      socket.state = 'created';
      socket.error = error;
    }
    const { writing, owner } = socket;
    if (writing?.kind === 'connect') {
      socket.writing = undefined;
      owner?.completed(writing, -error, false, -1);
    }
    socket.changed?.();
  }

  listen(socket: SimSocket, backlog: number): void {
    socket.state = 'listening';
    socket.backlogMax = backlog;
    this.#kernel.trace.add(TRACE.listening, socket.number, backlog, 0);
  }

  /** Stops listening: connections that were not accepted are reset, and waiting connects are refused. */
  stopListening(socket: SimSocket): void {
    if (socket.state !== 'listening') {
      return;
    }
    socket.state = 'created';
    for (const connection of socket.backlog.splice(0)) {
      connection.options.resetOnClose = 1;
      this.#transport.close(connection);
    }
    for (const waiting of [...socket.waiting]) {
      this.#end(waiting, ECONNREFUSED);
    }
  }
}
