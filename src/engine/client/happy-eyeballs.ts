/**
 * The race of a connect: addresses are tried one by one, each a moment after the one before or as soon as that has
 * failed, and the first that is connected wins (RFC 8305, "Happy Eyeballs").
 */

import type { SocketAddress } from '../../base/address.js';
import { OperationError } from '../../base/errors.js';
import type { Completion } from '../../port/completion.js';
import type { OverlappedSocket } from '../../port/socket.js';
import type { Connection } from '../connection.js';
import type { Resolver } from '../endpoint.js';
import { errorOf } from '../handlers.js';
import { openConnection, setSocketOptions } from '../open-connection.js';
import type { ConnectionOptions } from '../options.js';
import { cancelledByClose, type Pending } from '../pending.js';
import { Alarm } from '../scheduling/timer-wheel.js';
import { abortReason } from '../signals.js';
import type { CompletionTarget } from '../targets.js';
import type { ClientContext } from './client-context.js';

export interface RaceParts {
  readonly client: ClientContext;
  readonly options: ConnectionOptions & { readonly signal?: AbortSignal; readonly context?: unknown };
  readonly timeoutMs: number;
  readonly attemptDelayMs: number;
}

/** The resolver's order, with the families taking turns, the first one's first (RFC 8305, section 4). */
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
  readonly #options: RaceParts['options'];
  readonly #timeoutMs: number;
  readonly #attemptDelayMs: number;
  #addresses: SocketAddress[] = [];
  readonly #attempts = new Set<OverlappedSocket>();
  readonly #errors: Error[] = [];
  readonly #nextAttempt = new Alarm(() => this.#tryNext());
  readonly #timeout = new Alarm(() => this.#timedOut());
  readonly #onAbort = (): void => this.#fail(abortReason(this.#options.signal as AbortSignal));
  #over = false;
  #resolve: (connection: Connection) => void = () => undefined;
  #reject: (reason: unknown) => void = () => undefined;

  constructor(parts: RaceParts) {
    this.#client = parts.client;
    this.#options = parts.options;
    this.#timeoutMs = parts.timeoutMs;
    this.#attemptDelayMs = parts.attemptDelayMs;
  }

  /** Looks the addresses up, and runs the race over them. What ends a race ends it in the lookup too, from its first call on. */
  run(resolver: Resolver): Promise<Connection> {
    const { engine } = this.#client;
    const { signal } = this.#options;
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      engine.reference(1);
      engine.pending.add(this);
      engine.scheduler.setAlarm(this.#timeout, this.#timeoutMs);
      signal?.addEventListener('abort', this.#onAbort, { once: true });
      if (signal?.aborted === true) {
        this.#onAbort();
        return;
      }
      const found = resolver();
      if (found instanceof Promise) {
        found.then(
          (addresses) => this.#begin(addresses),
          (error: unknown) => this.#fail(error),
        );
      } else {
        this.#begin(found);
      }
    });
  }

  #begin(addresses: readonly SocketAddress[]): void {
    this.#addresses = interleaved(addresses);
    this.#tryNext();
  }

  /** Tries the next address. Those before it go on. */
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
        // A family that this system does not have: the next address is tried at once.
        this.#errors.push(errorOf(error));
      }
    }
  }

  #start(address: SocketAddress): void {
    const { engine } = this.#client;
    const socket = engine.port.createSocket(address.family);
    try {
      setSocketOptions(socket, this.#options);
      engine.associate(socket, this);
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
      connection = openConnection(this.#client, socket, this.#options.context);
    } catch (error) {
      // The program's framing threw.
      this.#client.counters.countError(error);
      this.#client.engine.port.closeSocket(socket);
      this.#reject(error);
      return;
    }
    const { ending } = connection;
    if (ending?.reason === 'error') {
      // Its first receive could not be posted.
      this.#reject(ending.error);
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

  /** The race is over without a winner. */
  #fail(error: unknown): void {
    if (!this.#over) {
      this.#client.counters.countError(error);
      this.#end();
      this.#reject(error);
    }
  }

  /** Attempts that are not over are closed: their completions find nobody who waits. */
  #end(): void {
    const { engine } = this.#client;
    this.#over = true;
    engine.wheel.remove(this.#nextAttempt);
    engine.wheel.remove(this.#timeout);
    engine.pending.delete(this);
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
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
