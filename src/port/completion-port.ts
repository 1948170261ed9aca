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
import { WAIT_MS_MAX } from '../drivers/common/thread-watch.js';
import type { DriverName, LoopWatch, OnReady } from '../drivers/driver.js';
import type { Completion, CompletionBatch } from './completion.js';
import { PortCore } from './core.js';
import { portClosed, portOpened } from './open-ports.js';
import { type CheckedOptions, type CompletionPortOptions, checkOptions } from './options.js';
import { PostingPort } from './posting.js';
import { Pump } from './running/pump.js';
import type { CompletionHandler, PumpOptions } from './running/pump-options.js';
import type { OverlappedSocket } from './socket.js';
import { closeWakeHandle, createWakeHandle, postWakeUp, type WakeHandle } from './waker.js';

/** How long `close` waits for the operations in flight to end, in ms. */
const CLOSE_TIMEOUT_MS = 5000;

/** The most completions of one poll while a port closes. */
const CLOSE_COMPLETIONS = 1024;

/** Counts of a port at the moment of the call. */
export interface PortStatistics {
  /** Sockets that are not closed. */
  readonly sockets: number;
  /** Operations that were posted and have not ended. */
  readonly operationsInFlight: number;
  /** Completions that are waiting to be dequeued. */
  readonly completionsQueued: number;
  /** Receive buffers that are lent to completions or retained by sends. */
  readonly buffersLent: number;
  /** Blocks of send memory that contain a copied payload. */
  readonly sendBlocksHeld: number;
  /** Completions that came after their operation had ended, and were dropped. */
  readonly lateCompletions: number;
  /** How often an accept had to wait for a descriptor, since the port was created. */
  readonly acceptsDelayed: number;
  /** How often a receive had to wait for a buffer, since the port was created. */
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

  /** Drivers that `auto` would have preferred, each with the reason why it was skipped. */
  get skippedDrivers(): readonly string[] {
    return this.core.skippedDrivers;
  }

  /** Whether the port was closed, or has failed. */
  get isClosed(): boolean {
    return this.core.closed;
  }

  /** The error that the port has failed with, because the system permanently refused something that its driver needs. */
  get failure(): OperationError | undefined {
    return this.core.failure;
  }

  /**
   * Dequeues completions into `batch`, and releases those that it contained.
   * @param timeoutMs how long to wait for the first one: 0 polls, Infinity waits forever; rounded up to an integer
   * @returns how many were dequeued; 0 when none came in time
   * @throws RangeError `ERR_OUT_OF_RANGE`; OperationError `EBADF` when the port is closed and its last completion has been
   * dequeued, `ENOTSUP` when it would have to wait and the driver cannot (`node`)
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
    if (timeoutMs > 0 && batch.length === 0) {
      this.core.requireWaits('dequeue');
    }
    // A started port that the program itself dequeues from has taken what would have woken the event loop.
    this.core.runner?.posted();
    return batch.length;
  }

  #dequeue(batch: CompletionBatch, timeoutMs: number): void {
    const { retries, driver, sendMemory } = this.core;
    sendMemory.forgetRecent();
    const waits = timeoutMs > 0 && batch.length === 0 && driver.cannotWait === undefined;
    const deadline = waits && timeoutMs !== Infinity ? driver.clock.now() + timeoutMs : Infinity;
    let left = waits ? timeoutMs : 0;
    for (;;) {
      // Virtual time jumps to the end of a wait: a shorter wait would only add steps to a simulation.
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
      if (batch.length > 0 || left === 0 || driver.interrupted === true) {
        return;
      }
      // The driver woke without a completion: it retried an accept, closed a connection, or got a signal.
      left = deadline === Infinity ? left : Math.max(0, deadline - driver.clock.now());
    }
  }

  /** Posts the operations that were held back until now. */
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
   * Ends all operations in flight with the error and closes the port: the system permanently refuses something that the
   * driver needs. So the poster of each operation sees the error, and the owner of the port sees it once.
   */
  #failed(error: unknown): void {
    // EDEADLK is the caller's mistake: in a simulation, an unlimited wait that nothing can end. The port is unharmed.
    if (!(error instanceof OperationError) || error.code === 'EDEADLK') {
      throw error;
    }
    const { core } = this;
    core.failure = error;
    closeWakeHandle(this.#wakeHandle);
    core.router.failAll(-(error.systemNumber ?? core.driver.errors.numberOf('ECANCELED')));
    core.closed = true;
    // The port is never removed from the open ports: the kernel may use its memory for some time.
    const { runner } = core;
    runner?.portClosed();
    core.driver.close();
    for (const socket of core.router.sockets) {
      if (socket.state === 'connected') {
        // An end of the stream would tell the peer that it has received all of it.
        this.resetOnClose(socket);
      }
    }
    runner?.portFailed(error);
    for (const socket of [...core.router.sockets]) {
      this.closeSocket(socket);
    }
  }

  /** Wakes this port from another thread: post it to a worker, and call `postWakeUp` with it there. */
  get wakeHandle(): WakeHandle {
    return this.#wakeHandle;
  }

  /** Posts a wake-up to this port: a completion of kind `wakeUp`. Other threads call `postWakeUp(port.wakeHandle)`. */
  wakeUp(): void {
    postWakeUp(this.#wakeHandle);
  }

  /**
   * Runs the port in Node's event loop: calls `handler` for each completion, until `stop` or `close`. The port keeps the
   * process alive, unless `unref` is called. A lent buffer is released when the handler returns, unless it was taken.
   * @param options.onError called with each error that the handler throws; by default it is an uncaught exception
   * @throws OperationError `EALREADY` when the port runs already, `EBADF` when it is closed
   */
  start(handler: CompletionHandler, options: PumpOptions = {}): void {
    const pump = this.#startPump(handler, options, true);
    try {
      pump.start();
    } catch (error) {
      this.core.runner = undefined;
      throw error;
    }
  }

  /**
   * Runs the port on this thread and blocks it, including Node's event loop, until the handler calls `stop` or `close`.
   * An error that the handler throws ends it, unless there is an `onError`; the other completions stay queued.
   * @throws OperationError `EALREADY` when the port runs already, `EBADF` when it is closed, `ENOTSUP` when the driver cannot
   * wait (`node`)
   */
  run(handler: CompletionHandler, options: PumpOptions = {}): void {
    const pump = this.#startPump(handler, options, false);
    try {
      pump.run();
    } finally {
      pump.end();
      if (this.core.runner === pump) {
        this.core.runner = undefined;
      }
    }
  }

  #startPump(handler: CompletionHandler, options: PumpOptions, inLoop: boolean): Pump {
    this.core.requireOpen('run');
    if (!inLoop) {
      this.core.requireWaits('run');
    }
    if (this.core.runner !== undefined) {
      throw new OperationError({ code: 'EALREADY', reason: 'The port runs already', syscall: 'run' });
    }
    const pump = new Pump(this, handler, options, inLoop);
    this.core.runner = pump;
    return pump;
  }

  /** Ends `start` or `run`. The port stays open, operations stay in flight, and the port can be run again. */
  stop(): void {
    const { runner } = this.core;
    this.core.runner = undefined;
    runner?.stop();
  }

  /** Makes the running port keep the process alive, which is the default. */
  ref(): void {
    this.core.runner?.ref();
  }

  /** Lets the process exit while the port runs. */
  unref(): void {
    this.core.runner?.unref();
  }

  /** How completions wake Node's event loop; undefined while the port is not started. */
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
   * Closes all sockets and the port. Operations in flight complete with `ECANCELED`: these completions can still be
   * dequeued, and a started port dispatches them. Does nothing on a closed port.
   * @throws OperationError `ETIMEDOUT` when operations do not end within 5 seconds
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
      // The kernel may still use its memory: the port is never removed from the open ports.
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

  /** @internal A number that grows while a send is in flight and the peer takes bytes, as far as the system reports it. */
  sendProgress(socket: OverlappedSocket): number {
    return this.core.router.sends.progress(socket);
  }

  /** @internal The peer sees the end at once, and not when the operations in flight have ended. The socket is closed next. */
  endNow(socket: OverlappedSocket): void {
    this.core.driver.sockets.endNow?.(socket.handle);
  }

  /** @internal */
  hasWork(): boolean {
    const { queue, closed, driver, retries } = this.core;
    return queue.length > 0 || (!closed && (driver.hasWork() || retries.receivesDue));
  }

  /** @internal Whether `hasWork` also sees completions that have arrived, and time passes between two calls of it. */
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

  /** @internal When the port needs a turn although nothing completes, by `clock`; Infinity when never. */
  get dueAt(): number {
    const { retries, driver } = this.core;
    return Math.min(retries.acceptsDueAt, retries.interruptedDueAt, driver.retryAt ?? Infinity);
  }

  /** @internal Whether the driver must not be polled before `dueAt`. */
  get rests(): boolean {
    return (this.core.driver.retryAt ?? Infinity) !== Infinity;
  }

  /** @internal */
  get clock(): Clock {
    return this.core.driver.clock;
  }

  /** @internal */
  watch(onReady: OnReady): LoopWatch {
    return openWhole(() => this.core.driver.watch(onReady));
  }
}
