/**
 * The completion port: post operations, the system carries them out, dequeue their completions. The contract is
 * written out in `docs/completion-port.md`.
 */

import { assert } from '../base/assert.js';
import type { Clock } from '../base/clock.js';
import { OperationError } from '../base/errors.js';
import { performanceNow } from '../base/runtime.js';
import { ANY_TIME, checkNumber } from '../base/validate.js';
import { openWhole } from '../drivers/choose.js';
import { WAIT_MS_MAX } from '../drivers/common/waiting-thread.js';
import type { DriverName, LoopWatch } from '../drivers/driver.js';
import type { Completion, CompletionBatch } from './completion.js';
import { PortCore } from './core.js';
import { portClosed, portOpened } from './open-ports.js';
import { type CheckedOptions, type CompletionPortOptions, checkOptions } from './options.js';
import { PostingPort } from './posting.js';
import { Pump } from './pump.js';
import type { CompletionHandler, PumpOptions } from './pump-options.js';
import type { OverlappedSocket } from './socket.js';
import { closeWakeHandle, createWakeHandle, postWakeUp, type WakeHandle } from './waker.js';

/** How long closing a port may wait for the system to end what is in flight, in ms. */
const CLOSE_TIMEOUT_MS = 5000;

/** Completions taken at once while a port closes. */
const CLOSE_COMPLETIONS = 1024;

/** Counts of a port at one moment. */
export interface PortStatistics {
  /** Sockets that are not closed. */
  readonly sockets: number;
  /** Operations that were posted and have not ended. */
  readonly operationsInFlight: number;
  /** Completions that ended before anybody dequeued them. */
  readonly completionsQueued: number;
  /** Receive buffers that are lent, to completions or to sends. */
  readonly buffersLent: number;
  /** Blocks of send memory that hold a copied payload. */
  readonly sendBlocksHeld: number;
  /** Completions that came for an operation that was over. */
  readonly lateCompletions: number;
  /** How often an accept waited for a descriptor, and a receive for a buffer. */
  readonly acceptsDelayed: number;
  /** Receives that had to wait for a receive buffer. */
  readonly receivesDelayed: number;
}

/**
 * A completion port: operations are posted on its sockets, and their completions dequeued from it. It belongs to the thread
 * that created it.
 */
export class CompletionPort extends PostingPort {
  readonly #wakeHandle: WakeHandle;

  /**
   * Creates a port.
   * @throws OperationError `ERR_DRIVER_UNAVAILABLE`, `EMFILE`, `ENOMEM`; for a wrong option TypeError `ERR_INVALID_ARG_TYPE`,
   * `ERR_INVALID_ARG_VALUE`, RangeError `ERR_OUT_OF_RANGE`
   * @example
   * const port = CompletionPort.create({ driver: 'auto' });
   */
  static create(options: CompletionPortOptions = {}): CompletionPort {
    return new CompletionPort(checkOptions(options));
  }

  private constructor(options: CheckedOptions) {
    super(new PortCore(options));
    this.#wakeHandle = createWakeHandle(this.core.driver.name, this.core.driver.wakeDescriptor);
    portOpened(this);
  }

  /** The driver in use. */
  get driver(): DriverName {
    return this.core.driver.name;
  }

  /** Optional system features that the driver uses here. */
  get features(): readonly string[] {
    return this.core.driver.features;
  }

  /** Drivers that `auto` would have preferred, with why each was passed over. */
  get skippedDrivers(): readonly string[] {
    return this.core.skippedDrivers;
  }

  /** Whether it was closed, or has failed. */
  get closed(): boolean {
    return this.core.closed;
  }

  /** What the port failed with, if the system refused for good what its driver needs: then it is closed. */
  get failure(): OperationError | undefined {
    return this.core.failure;
  }

  /**
   * Dequeues completions into `batch`, replacing what it held.
   * @param timeoutMs how long to wait for the first: 0 polls, Infinity waits for ever; rounded up to whole ms
   * @returns how many were dequeued; 0 when none came in time
   * @throws RangeError `ERR_OUT_OF_RANGE`; OperationError `EBADF` when the port is closed and its last completion has been dequeued
   */
  getQueuedCompletions(batch: CompletionBatch, timeoutMs: number): number {
    checkNumber('timeoutMs', timeoutMs, ANY_TIME);
    this.core.queue.open(batch);
    if (this.core.closed) {
      this.core.queue.close();
      if (batch.length === 0) {
        this.core.requireOpen('dequeue');
      }
      return batch.length;
    }
    try {
      this.#dequeue(batch, timeoutMs);
    } catch (error) {
      this.#failed(error);
    } finally {
      this.core.queue.close();
    }
    return batch.length;
  }

  #dequeue(batch: CompletionBatch, timeoutMs: number): void {
    const { retries, driver } = this.core;
    const waits = timeoutMs > 0 && batch.length === 0;
    const deadline = waits && timeoutMs !== Infinity ? driver.clock.now() + timeoutMs : Infinity;
    let left = waits ? timeoutMs : 0;
    for (;;) {
      // Virtual time jumps to the end of a wait: cutting it would only add moments to a simulation.
      let wait = driver.clock.passes ? Math.min(left, WAIT_MS_MAX) : left;
      if (this.dueAt !== Infinity) {
        const now = driver.clock.now();
        wait = Math.min(wait, Math.max(0, this.dueAt - now));
        this.#retryDue(now);
      }
      if (retries.receivesDue) {
        retries.retryReceives();
      }
      const room = batch.completionsMax - batch.length;
      if (room > 0 || driver.hasWork()) {
        driver.poll(this.core.router, Math.max(1, room), wait);
      }
      if (batch.length > 0 || left === 0) {
        return;
      }
      // Nothing that goes up: an accept retried, a connection closed, a signal, a bare wake.
      left = deadline === Infinity ? left : Math.max(0, deadline - driver.clock.now());
    }
  }

  /** Posts what was held back until now. */
  #retryDue(now: number): void {
    const { retries, router } = this.core;
    if (retries.acceptsDueAt <= now) {
      retries.retryAccepts();
    }
    if (retries.interruptedDueAt <= now) {
      retries.retryInterrupted((socket) => router.sends.restart(socket));
    }
  }

  /**
   * The system refuses for good what the driver needs. Everything in flight ends with that error and the port is closed, so
   * that each owner of an operation hears of it, and the owner of the port once.
   */
  #failed(error: unknown): void {
    // EDEADLK is the caller's mistake: in a simulation a wait without end that nothing can end. The port is sound.
    if (!(error instanceof OperationError) || error.code === 'EDEADLK') {
      throw error;
    }
    const { core } = this;
    core.failure = error;
    closeWakeHandle(this.#wakeHandle);
    core.router.failAll(-(error.systemNumber ?? core.driver.errors.numberOf('ECANCELED')));
    core.closed = true;
    // It stays among the open ports for good: the kernel may use its memory for some time.
    const { runner } = core;
    runner?.portClosed();
    core.driver.close();
    for (const socket of core.router.sockets) {
      if (socket.state === 'connected') {
        // An end would pass for the whole of the stream.
        this.resetOnClose(socket);
      }
    }
    runner?.portFailed(error);
    for (const socket of [...core.router.sockets]) {
      this.closeSocket(socket);
    }
  }

  /** What another thread needs to wake this port. It can be posted to a worker. */
  get wakeHandle(): WakeHandle {
    return this.#wakeHandle;
  }

  /** Posts a wake-up to this port: a completion of kind `wakeUp`. For other threads: `postWakeUp(port.wakeHandle)`. */
  wakeUp(): void {
    postWakeUp(this.#wakeHandle);
  }

  /**
   * Runs the port in Node's event loop: `handler` is called for each completion, until `stop` or `close`. The port
   * keeps the process alive unless `unref`. A lent buffer goes back when the handler returns, unless it was taken.
   * @param options.onError what the handler throws, with the completion; else it is an uncaught exception
   */
  start(handler: CompletionHandler, options: PumpOptions = {}): void {
    const pump = this.#startPump(handler, options);
    try {
      pump.start();
    } catch (error) {
      this.core.runner = undefined;
      throw error;
    }
  }

  /**
   * Runs the port on this thread and blocks it, Node's event loop included, until `stop` or `close` is called by the
   * handler. An error that the handler throws ends it, unless there is an `onError`; no completion is lost by that.
   */
  run(handler: CompletionHandler, options: PumpOptions = {}): void {
    const pump = this.#startPump(handler, options);
    try {
      pump.run();
    } finally {
      pump.end();
      if (this.core.runner === pump) {
        this.core.runner = undefined;
      }
    }
  }

  #startPump(handler: CompletionHandler, options: PumpOptions): Pump {
    this.core.requireOpen('run');
    if (this.core.runner !== undefined) {
      throw new OperationError({ code: 'EALREADY', reason: 'The port runs already', syscall: 'run' });
    }
    const pump = new Pump(this, handler, options);
    this.core.runner = pump;
    return pump;
  }

  /** Ends `start` or `run`. The port stays open, what is in flight too; it can be run again. */
  stop(): void {
    const { runner } = this.core;
    this.core.runner = undefined;
    runner?.stop();
  }

  /** The running port keeps the process alive (as it does unless told). */
  ref(): void {
    this.core.runner?.ref();
  }

  /** The running port does not keep the process alive. */
  unref(): void {
    this.core.runner?.unref();
  }

  /** How a completion reaches Node's event loop; undefined while the port is not started. */
  get eventLoopWatch(): string | undefined {
    return this.core.runner?.watchKind;
  }

  /** Counts of this moment. */
  statistics(): PortStatistics {
    return {
      sockets: this.core.router.sockets.size,
      operationsInFlight: this.core.operations.inFlight,
      completionsQueued: this.core.queue.length,
      buffersLent: this.core.pool.lent,
      sendBlocksHeld: this.core.sendMemory.blocksHeld,
      lateCompletions: this.core.router.lateCompletions,
      acceptsDelayed: this.core.retries.acceptsDelayed,
      receivesDelayed: this.core.retries.receivesDelayed,
    };
  }

  /**
   * Closes all sockets and the port. What is in flight completes with `ECANCELED`: these completions can still be
   * dequeued, and a started port dispatches them. Does nothing on a closed port.
   */
  close(): void {
    if (this.core.closed) {
      return;
    }
    closeWakeHandle(this.#wakeHandle);
    for (const socket of [...this.core.router.sockets]) {
      this.closeSocket(socket);
    }
    const deadline = performanceNow() + CLOSE_TIMEOUT_MS;
    try {
      while (this.core.operations.inFlight > 0 && performanceNow() < deadline) {
        this.core.driver.poll(this.core.router, CLOSE_COMPLETIONS, 100);
      }
    } catch (error) {
      this.#failed(error);
      return;
    }
    if (this.core.operations.inFlight > 0) {
      // Its memory must stay: the port remains among the open ones for good.
      throw new OperationError({
        code: 'ETIMEDOUT',
        reason: `${this.core.operations.inFlight} operations did not end in ${CLOSE_TIMEOUT_MS} ms`,
        syscall: 'close port',
      });
    }
    assert(this.core.router.sockets.size === 0);
    this.core.closed = true;
    this.core.runner?.portClosed();
    this.core.driver.close();
    portClosed(this);
  }

  /** @internal A number that grows while a send is in flight and the peer takes something, as far as that is known. */
  sendProgress(socket: OverlappedSocket): number {
    return this.core.router.sends.progress(socket);
  }

  /** @internal */
  hasWork(): boolean {
    const { queue, closed, driver, retries } = this.core;
    return queue.length > 0 || (!closed && (driver.hasWork() || retries.receivesDue));
  }

  /** @internal Whether `hasWork` also tells what has come, and time passes while it is asked. */
  get seesArrivals(): boolean {
    const { driver } = this.core;
    return driver.seesArrivals && driver.clock.passes;
  }

  /** @internal */
  get operationsInFlight(): number {
    return this.core.operations.inFlight;
  }

  /** @internal */
  putBack(completions: readonly Completion[]): void {
    this.core.queue.putBack(completions);
  }

  /** @internal When the port wants a turn by itself, by `clock`; Infinity when never. */
  get dueAt(): number {
    const { retries, driver } = this.core;
    return Math.min(retries.acceptsDueAt, retries.interruptedDueAt, driver.retryAt ?? Infinity);
  }

  /** @internal Whether the driver is to be left alone until `dueAt`. */
  get rests(): boolean {
    return (this.core.driver.retryAt ?? Infinity) !== Infinity;
  }

  /** @internal */
  get clock(): Clock {
    return this.core.driver.clock;
  }

  /** @internal */
  watch(onReady: () => void): LoopWatch {
    return openWhole(() => this.core.driver.watch(onReady));
  }
}
