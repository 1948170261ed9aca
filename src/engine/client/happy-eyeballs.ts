/**
 * The race of a connect (RFC 8305, "Happy Eyeballs"): addresses are tried one after the other, the next one when the last
 * has failed or has not answered for a moment. The first to connect wins.
 */

import type { SocketAddress } from '../../base/address.js';
import { OperationError } from '../../base/errors.js';
import type { Completion } from '../../port/completion.js';
import type { OverlappedSocket } from '../../port/socket.js';
import type { Connection } from '../connection.js';
import type { Resolver } from '../endpoint.js';
import { errorOf } from '../handlers.js';
import { ContextFailure, openConnection, setSocketOptions } from '../open-connection.js';
import type { ConnectionOptions } from '../options.js';
import { cancelledByClose, type Pending } from '../pending.js';
import type { CompletionTarget } from '../scheduling/completion-target.js';
import { Alarm } from '../scheduling/timer-wheel.js';
import { SecureConnection } from '../secure/secure-connection.js';
import { abortReason, onAbort } from '../signals.js';
import type { ClientContext } from './client-context.js';

export interface RaceParts {
  readonly client: ClientContext;
  /** The options of each attempt's socket. */
  readonly options: ConnectionOptions;
  readonly timeoutMs: number;
  readonly attemptDelayMs: number;
}

/** Lets the address families take turns, in the resolver's order, with the first one's family first (RFC 8305, section 4). */
export function interleaved(addresses: readonly SocketAddress[]): SocketAddress[] {
  const first = addresses[0]?.family;
  const same = addresses.filter((address) => address.family === first);
  const other = addresses.filter((address) => address.family !== first);
  const order: SocketAddress[] = [];
  for (let index = 0; index < Math.max(same.length, other.length); index++) {
    order.push(...same.slice(index, index + 1), ...other.slice(index, index + 1));
  }
  return order;
}

export class ConnectRace implements CompletionTarget, Pending {
  readonly #client: ClientContext;
  readonly #options: ConnectionOptions;
  readonly #timeoutMs: number;
  readonly #attemptDelayMs: number;
  /** Addresses that were not tried yet. */
  #addresses: SocketAddress[] = [];
  readonly #attempts = new Set<OverlappedSocket>();
  readonly #errors: Error[] = [];
  readonly #nextAttempt = new Alarm(() => this.#tryNext());
  readonly #timeout = new Alarm(() => this.#timedOut());
  #ignoreSignal: () => void = () => undefined;
  #over = false;
  #resolve: (connection: Connection) => void = () => undefined;
  #reject: (reason: unknown) => void = () => undefined;

  constructor(parts: RaceParts) {
    this.#client = parts.client;
    this.#options = parts.options;
    this.#timeoutMs = parts.timeoutMs;
    this.#attemptDelayMs = parts.attemptDelayMs;
  }

  /** Looks the addresses up and tries them. The time limit, the signal and the engine's close end the lookup too. */
  run(resolver: Resolver): Promise<Connection> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      if (this.#begin()) {
        this.#lookUp(resolver);
      }
    });
  }

  /** Starts what can end the race from outside. Returns whether it goes on. */
  #begin(): boolean {
    const { engine, signal } = this.#client;
    engine.reference(1);
    engine.pending.add(this);
    engine.scheduler.setAlarm(this.#timeout, this.#timeoutMs);
    this.#ignoreSignal = onAbort(signal, (reason) => this.#fail(reason));
    if (signal?.aborted === true) {
      this.#fail(abortReason(signal));
    }
    return !this.#over;
  }

  #lookUp(resolver: Resolver): void {
    const found = resolver();
    if (found instanceof Promise) {
      found.then(
        (addresses) => this.#tryAll(addresses),
        (error: unknown) => this.#fail(error),
      );
    } else {
      this.#tryAll(found);
    }
  }

  #tryAll(addresses: readonly SocketAddress[]): void {
    this.#addresses = interleaved(addresses);
    this.#tryNext();
  }

  /** Tries the next address. The earlier attempts continue. */
  #tryNext(): void {
    const { engine } = this.#client;
    while (!this.#over) {
      const address = this.#addresses.shift();
      if (address === undefined) {
        this.#failIfNothingIsLeft();
        return;
      }
      try {
        this.#start(address);
        engine.scheduler.setAlarm(this.#nextAttempt, this.#attemptDelayMs);
        return;
      } catch (error) {
        // For example: this system lacks the address family. The next address is tried at once.
        this.#errors.push(errorOf(error));
      }
    }
  }

  #start(address: SocketAddress): void {
    const { engine } = this.#client;
    const socket = engine.port.createSocket(address.family);
    try {
      setSocketOptions(socket, this.#options);
      engine.port.associate(socket, this);
      engine.port.postConnect(socket, address);
      engine.counters.connectsPosted++;
    } catch (error) {
      engine.port.closeSocket(socket);
      throw error;
    }
    this.#attempts.add(socket);
  }

  completed(completion: Completion): void {
    this.#client.engine.counters.connectsCompleted++;
    const socket = completion.socket as OverlappedSocket;
    if (this.#over) {
      return;
    }
    if (completion.code === undefined) {
      this.#won(socket);
      return;
    }
    this.#errors.push(completion.toError());
    this.#attempts.delete(socket);
    this.#client.engine.port.closeSocket(socket);
    this.#tryNext();
  }

  #won(socket: OverlappedSocket): void {
    this.#attempts.delete(socket);
    this.#end();
    let connection: Connection;
    try {
      connection = openConnection(this.#client, socket, this.#client.connectionContext);
    } catch (thrown) {
      // A framing or a context function of the program threw.
      const error = thrown instanceof ContextFailure ? thrown.cause : thrown;
      this.#client.counters.countError(error);
      this.#client.engine.port.closeSocket(socket);
      this.#reject(error);
      return;
    }
    const { ending } = connection;
    if (ending?.reason === 'error') {
      // The first receive could not be posted.
      this.#reject(ending.error);
    } else if (connection instanceof SecureConnection) {
      connection.secure.settled = (error) => (error === undefined ? this.#resolve(connection) : this.#reject(error));
    } else {
      this.#resolve(connection);
    }
  }

  #failIfNothingIsLeft(): void {
    if (this.#attempts.size > 0) {
      return;
    }
    const last =
      this.#errors.at(-1) ??
      new OperationError({ code: 'ENOTFOUND', reason: 'The name has no address', syscall: 'connect' });
    this.#fail(this.#errors.length > 1 ? Object.assign(last, { errors: [...this.#errors] }) : last);
  }

  #timedOut(): void {
    const reason = `Not connected within ${this.#timeoutMs} ms (timeouts.connectMs)`;
    this.#fail(new OperationError({ code: 'ETIMEDOUT', reason, syscall: 'connect' }));
  }

  /** Ends the race without a winner. */
  #fail(error: unknown): void {
    if (!this.#over) {
      this.#client.counters.countError(error);
      this.#end();
      this.#reject(error);
    }
  }

  /** Closes the attempts that are left: their completions are ignored. */
  #end(): void {
    const { engine } = this.#client;
    this.#over = true;
    engine.wheel.remove(this.#nextAttempt);
    engine.wheel.remove(this.#timeout);
    engine.pending.delete(this);
    this.#ignoreSignal();
    for (const socket of this.#attempts) {
      engine.port.closeSocket(socket);
    }
    this.#attempts.clear();
    engine.reference(-1);
  }

  failed(error: Error): void {
    this.#fail(error);
  }

  engineClosed(): void {
    this.#fail(cancelledByClose('connect'));
  }
}
