/** A server on many threads, as the main thread holds it. */

import type { SocketAddress } from '../base/address.js';
import { misuse } from '../base/argument-errors.js';
import type { DriverName } from '../drivers/driver.js';
import { errorOf, type HandlerErrorSink } from '../engine/handlers.js';
import { checkTime } from '../engine/options.js';
import { checkHostname } from '../engine/secure/server-tls.js';
import { type CloseOptions, DEADLINE_MS } from '../engine/server/graceful-close.js';
import type { ServerStatistics } from '../engine/statistics.js';
import type { Payload } from '../engine/writing/payload.js';
import { createSecureContext } from '../tls/context.js';
import type { ContextOptions } from '../tls/options.js';
import type { Acceptor } from './acceptor.js';
import { type Distribution, threadContextOf } from './options.js';
import type { ThreadReady } from './protocol.js';
import { checkTopic, refuseFilter } from './server-in-thread.js';
import { sumOf, zeroOf } from './sums.js';
import { WorkerPool, type WorkerPoolSettings } from './worker-pool.js';

/** The statistics of a server on many threads: the sums over all living threads, and those of each. */
export interface ThreadedStatistics extends ServerStatistics {
  /** Statistics of each thread, by its number. */
  readonly threads: readonly ThreadStatistics[];
  /** How many threads have replaced dead ones. The counts of a dead thread are lost. */
  readonly threadsReplaced: number;
}

/** The statistics of one thread. */
export interface ThreadStatistics {
  /** Connections that the thread has, or is about to be given. */
  readonly connections: number;
  /** Undefined while the thread is dead and not replaced yet. */
  readonly statistics: ServerStatistics | undefined;
}

/** Functions of the program that hear of what happens in the threads. */
export interface ThreadedListeners {
  readonly onHandlerError: HandlerErrorSink;
  readonly onListenError: (error: Error) => void;
  readonly onThreadDied: (error: Error) => void;
}

/** A server that `listen` made with `threads`. */
export class ThreadedServer {
  /** How connections come to the threads. */
  readonly distribution: Distribution;
  /** How many threads serve. */
  readonly threads: number;
  /** @internal */
  readonly pool: WorkerPool;
  readonly #onListenError: (error: Error) => void;
  #acceptor: Acceptor | undefined;
  #ready: ThreadReady | undefined;
  #error: Error | undefined;
  #closed: Promise<void> | undefined;
  #ended = false;
  #onEnded: () => void = () => undefined;

  /** @internal */
  constructor(settings: WorkerPoolSettings, { onHandlerError, onListenError, onThreadDied }: ThreadedListeners) {
    this.threads = settings.data.threads;
    this.distribution = settings.data.acceptedAt === undefined ? 'reuse_port' : 'dispatch';
    this.#onListenError = onListenError;
    this.pool = new WorkerPool(settings, {
      handlerFailed: onHandlerError,
      listenFailed: (error) => this.listenFailed(error),
      threadDied: (error) => onThreadDied(errorOf(error)),
      threadReplaced: () => this.#acceptor?.resume(),
    });
  }

  /** @internal Starts the threads, and accepting where the main thread does it. If it throws, no thread is left. */
  async start(acceptorFor: ((pool: WorkerPool) => Acceptor) | undefined): Promise<void> {
    this.#ready = await this.pool.start();
    const acceptor = acceptorFor?.(this.pool);
    try {
      acceptor?.start();
    } catch (error) {
      await this.pool.close(0);
      throw error;
    }
    this.#acceptor = acceptor;
  }

  /** @internal Accepting has failed for good, here or in a thread. */
  listenFailed(error: Error): void {
    if (this.#error === undefined) {
      this.#error = error;
      void this.close();
      this.#onListenError(error);
    }
  }

  /** The address that it listens on. */
  get address(): SocketAddress {
    return (this.#ready as ThreadReady).address;
  }

  /** The port number that it listens on; undefined for a Unix-domain socket. */
  get port(): number | undefined {
    const { address } = this;
    return address.family === 'unix' ? undefined : address.port;
  }

  /** The driver in use, by the first thread. */
  get driver(): DriverName {
    return (this.#ready as ThreadReady).driver;
  }

  /** The drivers that `auto` would have preferred, each with the reason why the first thread skipped it. */
  get skippedDrivers(): readonly string[] {
    return (this.#ready as ThreadReady).skippedDrivers;
  }

  /** Whether it accepts connections. */
  get listening(): boolean {
    return this.#closed === undefined;
  }

  /** Whether all of its threads have ended. */
  get isClosed(): boolean {
    return this.#ended;
  }

  /** The error that ended the listening; undefined if none did. */
  get error(): Error | undefined {
    return this.#error;
  }

  /** The number of connections that are not closed. */
  get connectionsCount(): number {
    return this.connectionsByThread.reduce((sum, count) => sum + count, 0);
  }

  /** The same for each thread. */
  get connectionsByThread(): readonly number[] {
    return this.pool.connectionCounts;
  }

  /** How many threads have replaced dead ones. */
  get threadsReplaced(): number {
    return this.pool.threadsReplaced;
  }

  /**
   * Sends bytes or text to all connections of all threads, which send from one copy. Several pieces are joined: pass what
   * the `encode` of a framing returns. Only the threads know which connections it was written to.
   * @throws TypeError `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE` with a filter: functions cannot be posted
   */
  broadcast(data: Payload | readonly Payload[], filter?: undefined): void {
    refuseFilter(filter);
    this.#publish(undefined, data);
  }

  /** Sends bytes or text to all subscribers of a topic, in any thread. @throws TypeError `ERR_INVALID_ARG_TYPE` */
  publish(topic: string, data: Payload | readonly Payload[]): void {
    checkTopic(topic);
    this.#publish(topic, data);
  }

  #publish(topic: string | undefined, data: Payload | readonly Payload[]): void {
    this.pool.publish(topic, Array.isArray(data) ? data : [data]);
  }

  /** Counts since the threads started, added up. Resolves when each thread has answered. */
  async statistics(): Promise<ThreadedStatistics> {
    const each = await this.pool.statistics();
    const { connectionsByThread, threadsReplaced } = this;
    const known = each.filter((statistics) => statistics !== undefined);
    const sum = known.reduce(sumOf, zeroOf((this.#ready as ThreadReady).statistics));
    const threads = each.map((statistics, index) => ({
      connections: connectionsByThread[index] as number,
      statistics,
    }));
    return { ...sum, threads, threadsReplaced };
  }

  /**
   * Replaces the certificate and the other options of the server's secure context in all threads, without a restart.
   * @throws TypeError `ERR_INVALID_ARG_VALUE` without the option `tls`, and what `tls.createSecureContext` throws
   */
  setSecureContext(options: ContextOptions): void {
    this.#giveContext(undefined, options);
  }

  /**
   * Adds a certificate for a name in all threads: clients that ask for it (SNI) get it.
   * @param hostname such as `example.com`, or `*.example.com` for all names with one label more
   * @throws TypeError `ERR_INVALID_ARG_VALUE` for a wrong name, or without the option `tls`
   */
  addContext(hostname: string, options: ContextOptions): void {
    checkHostname(hostname);
    this.#giveContext(hostname, options);
  }

  #giveContext(hostname: string | undefined, options: ContextOptions): void {
    if (!this.pool.secure) {
      throw misuse('tls: expected a server that listens with it');
    }
    const plain = threadContextOf(options);
    // Wrong ones are an error here, not in each thread.
    createSecureContext(plain);
    this.pool.giveContext({ hostname, options: plain });
  }

  /**
   * Stops listening and closes the connections of all threads, as the `close` of a server does; then the threads end. A
   * thread that has not ended two seconds after the deadline is terminated. Resolves when all have ended.
   */
  close(options?: CloseOptions | null): Promise<void> {
    const deadlineMs = checkTime('deadlineMs', options?.deadlineMs, DEADLINE_MS);
    this.#acceptor?.close();
    const closed = this.pool.close(deadlineMs);
    this.#closed ??= closed.then(() => {
      this.#ended = true;
      this.#onEnded();
    });
    return this.#closed;
  }

  /** @internal Sets a function that is called once it is closed. */
  onceClosed(callback: () => void): void {
    this.#onEnded = callback;
  }

  /** The server keeps the process alive. This is the default. */
  ref(): void {
    this.#acceptor?.ref();
    this.pool.ref();
  }

  /** Neither the server nor its connections keep the process alive. */
  unref(): void {
    this.#acceptor?.unref();
    this.pool.unref();
  }

  /** Closes the server as `close()` does. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
