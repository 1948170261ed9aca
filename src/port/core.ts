/** The parts of a port, and the checks at the beginning of its calls. */

import { OperationError } from '../base/errors.js';
import { type Choice, openDriver, prepareDriver } from '../drivers/choose.js';
import type { Driver } from '../drivers/driver.js';
import { BufferPool, type BufferReceiver } from './buffer-pool.js';
import { CompletionQueue } from './completion-queue.js';
import { CompletionRouter } from './completion-router.js';
import { OperationTable } from './operations.js';
import type { CheckedOptions } from './options.js';
import { RetryQueue } from './retry-queue.js';
import { SendMemory } from './sending/send-memory.js';
import { type OverlappedSocket, type SocketHomes, socketHomes } from './socket.js';

/** The pump, as far as the parts of the port use it. */
export interface Runner {
  /** An operation was posted: outside a turn, a turn must follow that submits it. */
  posted(): void;
  /** The port was closed: the completions that are left are still dispatched. */
  portClosed(): void;
  /** The port has failed with an error that its owner must see. */
  portFailed(error: Error): void;
  stop(): void;
  ref(): void;
  unref(): void;
  /** How a completion reaches Node's event loop; undefined while nothing watches for one. */
  readonly watchKind: string | undefined;
}

export class PortCore implements BufferReceiver {
  readonly driver: Driver;
  readonly skippedDrivers: readonly string[];
  /** The homes of new sockets. */
  readonly homes: SocketHomes;
  readonly operations: OperationTable;
  readonly pool: BufferPool;
  readonly queue = new CompletionQueue();
  readonly retries: RetryQueue;
  readonly sendMemory: SendMemory;
  readonly router: CompletionRouter;
  runner: Runner | undefined = undefined;
  closed = false;
  /** The error that the port has failed with: the port is closed then. */
  failure: OperationError | undefined = undefined;

  constructor(options: CheckedOptions) {
    prepareDriver(options.driver);
    this.pool = new BufferPool(options.bufferCount, options.bufferSizeBytes, options.poisonReleasedBuffers);
    this.operations = new OperationTable(options.operationsMax);
    this.sendMemory = new SendMemory(this.operations, this.pool);
    const choice: Choice = openDriver(options.driver, {
      buffers: this.pool,
      borrowed: this.sendMemory,
      sends: this.sendMemory,
      disabledFeatures: new Set(options.disabledFeatures),
      submissionEntries: options.submissionEntries,
    });
    this.driver = choice.driver;
    this.skippedDrivers = choice.skippedDrivers;
    this.homes = socketHomes(this.driver.sockets);
    this.retries = new RetryQueue(this.driver, this.operations);
    this.router = new CompletionRouter(this);
    this.pool.returnTo(this);
  }

  /** The last reference to a receive buffer was released. */
  bufferReturned(index: number): void {
    if (!this.closed) {
      this.driver.giveBuffer(index);
      this.runner?.posted();
    }
  }

  requireOpen(syscall: string): void {
    if (this.closed) {
      const reason = this.failure === undefined ? 'The port is closed' : `The port has failed: ${this.failure.message}`;
      throw new OperationError({ code: 'EBADF', reason, syscall });
    }
  }

  /** @throws OperationError `ENOTSUP` if the driver cannot wait for completions */
  requireWaits(syscall: string): void {
    const { cannotWait, name } = this.driver;
    if (cannotWait !== undefined) {
      throw new OperationError({ code: 'ENOTSUP', reason: `The driver ${name} cannot wait: ${cannotWait}`, syscall });
    }
  }

  requireUsable(socket: OverlappedSocket, syscall: string): void {
    this.requireOwn(socket, syscall);
    if (socket.closed) {
      throw new OperationError({ code: 'EBADF', reason: 'The socket is closed', syscall });
    }
  }

  requireOwn(socket: OverlappedSocket, syscall: string): void {
    if (socket.home.calls !== this.driver.sockets) {
      throw new OperationError({ code: 'EINVAL', reason: 'The socket belongs to another port', syscall });
    }
  }

  requirePostable(socket: OverlappedSocket, syscall: string, state: 'created' | 'listening' | 'connected'): void {
    const { home } = socket;
    if (home.isAssociated && home.calls === this.driver.sockets && home.state === state) {
      return;
    }
    this.requireOpen(syscall);
    this.requireUsable(socket, syscall);
    if (!home.isAssociated) {
      throw new OperationError({ code: 'EINVAL', reason: 'The socket is not associated with the port', syscall });
    }
    const code = state === 'connected' ? 'ENOTCONN' : 'EINVAL';
    throw new OperationError({ code, reason: `The socket is ${socket.state}, expected ${state}`, syscall });
  }

  requireIdle(slot: number, syscall: string): void {
    if (slot >= 0) {
      throw new OperationError({ code: 'EALREADY', reason: `Another ${syscall} is in flight already`, syscall });
    }
  }
}
