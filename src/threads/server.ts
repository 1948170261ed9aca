/** A server on many threads, as the main thread holds it. */

import type { SocketAddress } from '../base/address.js';
import type { DriverName } from '../drivers/driver.js';
import type { HandlerErrorInfo, HandlerErrorSink } from '../engine/handlers.js';
import { errorOf } from '../engine/handlers.js';
import { checkTime } from '../engine/options.js';
import { type CloseOptions, DEADLINE_MS } from '../engine/server/graceful-close.js';
import type { ServerStatistics } from '../engine/statistics.js';
import type { Payload } from '../engine/writing/payload.js';
import type { Acceptor } from './acceptor.js';
import type { Distribution } from './options.js';
import type { ThreadReady } from './protocol.js';
import { checkTopic, refuseFilter, sharedBuffer } from './server-in-thread.js';
import { sumOf, zeroOf } from './sums.js';
import { WorkerPool, type WorkerPoolSettings } from './worker-pool.js';

/** What `statistics()` gives: the sums over all threads that live, and what is of each. */
export interface ThreadedStatistics extends ServerStatistics {
  /** The statistics of each thread. */
  readonly threads: readonly ThreadStatistics[];
  /** Threads that have taken the place of dead ones. What a dead thread had counted is gone with it. */
  readonly threadsReplaced: number;
}

/** The statistics of one thread. */
export interface ThreadStatistics {
  /** Connections that the thread has, or is about to be given. */
  readonly connections: number;
  /** Undefined while the thread is dead and not replaced yet. */
  readonly statistics: ServerStatistics | undefined;
}

/** Told what happens in the threads. */
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
  readonly #listeners: ThreadedListeners;
  readonly #pool: WorkerPool;
  #acceptor: Acceptor | undefined;
  #ready: ThreadReady | undefined;
  #error: Error | undefined;
  #closed: Promise<void> | undefined;
  #ended = false;

  /** @internal */
  constructor(settings: WorkerPoolSettings, listeners: ThreadedListeners) {
    this.threads = settings.data.threads;
    this.distribution = settings.data.acceptedAt === undefined ? 'reuse_port' : 'dispatch';
    this.#listeners = listeners;
    this.#pool = new WorkerPool(settings, this);
  }

  /** @internal Starts the threads, and accepting where the main thread does it. What it throws leaves no thread. */
  async start(acceptorFor: ((pool: WorkerPool) => Acceptor) | undefined): Promise<void> {
    this.#ready = await this.#pool.start();
    const acceptor = acceptorFor?.(this.#pool);
    try {
      acceptor?.start();
    } catch (error) {
      await this.#pool.close(0);
      throw error;
    }
    this.#acceptor = acceptor;
  }

  /** The address it listens on. */
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

  /** Drivers that `auto` would have preferred, with why each was passed over. */
  get skippedDrivers(): readonly string[] {
    return (this.#ready as ThreadReady).skippedDrivers;
  }

  /** Connections that are not closed. */
  get connectionsCount(): number {
    return this.connectionsByThread.reduce((sum, count) => sum + count, 0);
  }

  /** The same of each thread. */
  get connectionsByThread(): readonly number[] {
    return this.#pool.connectionCounts;
  }

  /** Threads that have taken the place of dead ones. */
  get threadsReplaced(): number {
    return this.#pool.threadsReplaced;
  }

  /** Whether new connections are taken. */
  get listening(): boolean {
    return this.#closed === undefined;
  }

  /** Whether it and all of its threads have ended. */
  get closed(): boolean {
    return this.#ended;
  }

  /** What ended the listening, if an error did. */
  get error(): Error | undefined {
    return this.#error;
  }

  /** @internal */
  handlerFailed(error: Error, info: HandlerErrorInfo): void {
    this.#listeners.onHandlerError(error, info);
  }

  /** @internal Accepting has failed for good, here or in a thread. */
  listenFailed(error: Error): void {
    if (this.#error === undefined) {
      this.#error = error;
      void this.close();
      this.#listeners.onListenError(error);
    }
  }

  /** @internal */
  threadDied(error: Error): void {
    this.#listeners.onThreadDied(errorOf(error));
  }

  /** @internal */
  threadReplaced(): void {
    this.#acceptor?.resume();
  }

  /**
   * Sends bytes or text to all connections of all threads: one copy, from which all threads send. Pieces follow each
   * other: what a framing's `encode` gives. Whom it reached only the threads know.
   * @throws TypeError `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE` with a filter, which would stay in its thread
   */
  broadcast(data: Payload | readonly Payload[], filter?: undefined): void {
    refuseFilter(filter);
    this.#publish(undefined, data);
  }

  /** Sends bytes or text to all who have subscribed to a topic, in any thread. @throws TypeError `ERR_INVALID_ARG_TYPE` */
  publish(topic: string, data: Payload | readonly Payload[]): void {
    checkTopic(topic);
    this.#publish(topic, data);
  }

  #publish(topic: string | undefined, data: Payload | readonly Payload[]): void {
    const bytes = sharedBuffer(Array.isArray(data) ? data : [data]);
    if (bytes.byteLength > 0) {
      this.#pool.published({ kind: 'publish', publications: [{ topic, bytes }] });
    }
  }

  /** Counts since the threads began, added up. Waits for an answer of each thread. */
  async statistics(): Promise<ThreadedStatistics> {
    const each = await this.#pool.statistics();
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
   * Stops listening, and closes the connections of all threads as a server's `close` does; then the threads end. A
   * thread that has not ended two seconds behind the deadline is terminated. Resolves when all have ended.
   */
  close(options?: CloseOptions | null): Promise<void> {
    const deadlineMs = checkTime('deadlineMs', options?.deadlineMs, DEADLINE_MS);
    this.#acceptor?.close();
    const closed = this.#pool.close(deadlineMs);
    this.#closed ??= closed.then(() => {
      this.#ended = true;
    });
    return this.#closed;
  }

  /** @internal Ends a thread as if it had died, for tests. */
  terminateThread(index: number): void {
    this.#pool.terminate(index);
  }

  /** The server keeps the process alive, as it does unless told. */
  ref(): void {
    this.#acceptor?.ref();
    this.#pool.ref();
  }

  /** Neither the server nor its connections keep the process alive. */
  unref(): void {
    this.#acceptor?.unref();
    this.#pool.unref();
  }

  /** Closes the server as `close()` does. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
