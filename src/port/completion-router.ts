/** Routes a driver's completions: finds the operation that each one continues or ends, and queues a completion for its owner. */

import { assert } from '../base/assert.js';
import { process } from '../base/runtime.js';
import { PASSING } from '../drivers/common/retry.js';
import type { CompletionSink, Driver } from '../drivers/driver.js';
import type { BufferPool } from './buffer-pool.js';
import type { Completion } from './completion.js';
import type { CompletionQueue } from './completion-queue.js';
import { ACCEPT, CONNECT, OPERATION_KINDS, type OperationKind, type OperationTable, RECEIVE } from './operations.js';
import type { RetryQueue } from './retry-queue.js';
import type { SendMemory } from './sending/send-memory.js';
import { SendQueue, type SendSink } from './sending/send-queue.js';
import { OverlappedSocket } from './socket.js';

/** For want of a descriptor, of memory, or of room in epoll an accept is held back; it does not end. */
const NO_DESCRIPTOR = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'ENOSPC']);

/** The connection failed before it was accepted. accept(2) says to treat these errors like EAGAIN. */
const CLIENT_WENT_AWAY = new Set([
  'ECONNABORTED',
  'ECONNRESET',
  'EPROTO',
  'EPERM',
  'ENETDOWN',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOPROTOOPT',
  'ENOTSUP',
  'ETIMEDOUT',
  // Wine's accept asks for the peer's address, which a connection that was reset no longer has.
  'ENOTCONN',
]);

export interface CompletionRouterParts {
  readonly driver: Driver;
  readonly operations: OperationTable;
  readonly queue: CompletionQueue;
  readonly pool: BufferPool;
  readonly retries: RetryQueue;
  readonly sendMemory: SendMemory;
}

export class CompletionRouter implements CompletionSink, SendSink {
  readonly #driver: Driver;
  readonly #operations: OperationTable;
  readonly #queue: CompletionQueue;
  readonly #pool: BufferPool;
  readonly #retries: RetryQueue;
  readonly #sendMemory: SendMemory;
  readonly sends: SendQueue;
  /** Sockets that are not closed. */
  readonly sockets = new Set<OverlappedSocket>();
  /** Completions that were dropped, because their operation had already ended. */
  lateCompletions = 0;
  /** Errors that a send without an operation has met, and that the system does not report again. */
  readonly #errors = new WeakMap<OverlappedSocket, number>();
  readonly #cancelled: number;
  readonly #reset: number;

  constructor(parts: CompletionRouterParts) {
    this.#cancelled = -parts.driver.errors.numberOf('ECANCELED');
    this.#reset = -parts.driver.errors.numberOf('ECONNRESET');
    this.#driver = parts.driver;
    this.#operations = parts.operations;
    this.#queue = parts.queue;
    this.#pool = parts.pool;
    this.#retries = parts.retries;
    this.#sendMemory = parts.sendMemory;
    this.sends = new SendQueue(parts.driver, parts.operations, parts.sendMemory, this);
  }

  complete(slot: number, generation: number, result: number, more: boolean, buffer: number): void {
    if (!this.#operations.isCurrent(slot, generation)) {
      this.lateCompletions++;
      if (buffer >= 0) {
        this.#driver.giveBuffer(buffer);
      }
      return;
    }
    const socket = this.#operations.sockets[slot] as OverlappedSocket;
    switch (this.#operations.kind[slot]) {
      case RECEIVE:
        this.#received(slot, socket, result, more, buffer);
        break;
      case ACCEPT:
        this.#accepted(slot, socket, result, more);
        break;
      case CONNECT:
        this.#connected(slot, socket, result);
        break;
      default:
        this.sends.completed(socket, result < 0 ? this.#sendError(socket, result) : result);
    }
    this.closeIfIdle(socket);
  }

  /** A send without an operation has failed. The first error is the reason of all later ones. */
  sendFailed(socket: OverlappedSocket, error: number): void {
    if (!this.#errors.has(socket)) {
      this.#errors.set(socket, error);
    }
  }

  #sendError(socket: OverlappedSocket, error: number): number {
    return socket.closed ? this.#cancelled : (this.#errors.get(socket) ?? error);
  }

  isInFlight(slot: number, generation: number): boolean {
    return this.#operations.isCurrent(slot, generation) && this.#operations.delayed[slot] === 0;
  }

  wakeUp(count: number): void {
    const completion = this.#queue.add();
    this.#fill(completion, 'wakeUp', undefined, undefined, count, false);
  }

  #received(slot: number, socket: OverlappedSocket, result: number, more: boolean, buffer: number): void {
    if (socket.closed) {
      if (buffer >= 0) {
        this.#driver.giveBuffer(buffer);
      }
      if (!more) {
        this.endCancelled(slot);
      }
      return;
    }
    if (result < 0) {
      this.#receiveFailed(slot, result);
      return;
    }
    if (result === 0 && this.sends.isSending(socket) && this.#driver.sockets.isBroken?.(socket.handle) === true) {
      // The connection was reset; the send in flight will report that, but has not yet.
      this.#end(slot, this.#reset);
      return;
    }
    const error = result === 0 ? this.#errors.get(socket) : undefined;
    if (error !== undefined && !this.#isPipeError(error)) {
      this.#end(slot, error);
      return;
    }
    const completion = more ? this.#next(slot, result) : this.#end(slot, result);
    completion.buffer = buffer < 0 ? undefined : this.#pool.lend(buffer);
  }

  /** Whether a send has failed because a side of the connection had ended, which the receive reports as what it is. */
  #isPipeError(error: number): boolean {
    return this.#driver.errors.codeOf(-error) === 'EPIPE';
  }

  #receiveFailed(slot: number, result: number): void {
    const code = this.#driver.errors.codeOf(-result);
    if (!PASSING.has(code)) {
      this.#end(slot, result);
    } else if (this.#operations.cancelled[slot] === 1) {
      this.endCancelled(slot);
    } else if (code === 'ENOBUFS') {
      // The pool is empty: the receive waits for a buffer.
      this.#retries.delayReceive(slot);
    } else {
      this.#retries.delayInterrupted(slot);
    }
  }

  #accepted(slot: number, listener: OverlappedSocket, result: number, more: boolean): void {
    if (result < 0) {
      this.#acceptFailed(slot, listener, result);
      return;
    }
    if (listener.closed) {
      // The connection was accepted while the listener was closing: it has no owner.
      this.#driver.sockets.close(result);
      if (!more) {
        this.endCancelled(slot);
      }
      return;
    }
    const accepted = new OverlappedSocket(listener.home.fresh, result, 'connected');
    this.sockets.add(accepted);
    const completion = more ? this.#next(slot, 0) : this.#end(slot, 0);
    completion.accepted = accepted;
  }

  #acceptFailed(slot: number, listener: OverlappedSocket, result: number): void {
    const code = this.#driver.errors.codeOf(-result);
    const isRetried = NO_DESCRIPTOR.has(code) || CLIENT_WENT_AWAY.has(code) || PASSING.has(code);
    if (listener.closed || (isRetried && this.#operations.cancelled[slot] === 1)) {
      this.endCancelled(slot);
    } else if (NO_DESCRIPTOR.has(code)) {
      this.#retries.delayAccept(slot);
    } else if (PASSING.has(code)) {
      this.#retries.delayInterrupted(slot);
    } else if (CLIENT_WENT_AWAY.has(code)) {
      this.#driver.postAccept(slot, this.#operations.generation[slot] as number, listener.handle);
    } else {
      this.#end(slot, result);
    }
  }

  #connected(slot: number, socket: OverlappedSocket, result: number): void {
    if (socket.closed) {
      this.endCancelled(slot);
      return;
    }
    if (result < 0 && this.#driver.errors.codeOf(-result) === 'EINTR') {
      if (this.#operations.cancelled[slot] === 0) {
        this.#retries.delayInterrupted(slot);
        return;
      }
      socket.state = 'failed';
      this.endCancelled(slot);
      return;
    }
    socket.state = result < 0 ? 'failed' : 'connected';
    this.#end(slot, result);
  }

  sendEnded(slot: number, result: number): void {
    this.#sendMemory.release(slot);
    this.#end(slot, result);
  }

  sendDelayed(socket: OverlappedSocket): void {
    this.#retries.delaySend(socket);
  }

  /** Ends all operations in flight with an error number, negated: the driver completes nothing any more. */
  failAll(result: number): void {
    for (const socket of [...this.sockets]) {
      const socketResult = socket.closed ? this.#cancelled : result;
      this.sends.takeBack(socket);
      this.sends.failAll(socket, socketResult);
      if (socket.readSlot >= 0) {
        this.#end(socket.readSlot, socketResult);
      }
      if (socket.state === 'connecting') {
        socket.state = 'failed';
      }
    }
    assert(this.#operations.inFlight === 0);
  }

  /** Ends an operation that was cancelled, or whose socket is being closed. */
  endCancelled(slot: number): void {
    this.#end(slot, this.#cancelled);
  }

  /** Queues the last completion of an operation, and frees its slot. */
  #end(slot: number, result: number): Completion {
    const operations = this.#operations;
    const socket = operations.sockets[slot] as OverlappedSocket;
    const completion = this.#next(slot, result);
    completion.more = false;
    if (socket.readSlot === slot) {
      socket.readSlot = -1;
    }
    operations.release(slot);
    return completion;
  }

  /** Queues a completion of an operation that continues. */
  #next(slot: number, result: number): Completion {
    const operations = this.#operations;
    operations.failures[slot] = 0;
    const kind = OPERATION_KINDS[operations.kind[slot] as number] as OperationKind;
    const completion = this.#queue.add();
    this.#fill(completion, kind, operations.sockets[slot], operations.contextOf(slot), Math.max(0, result), true);
    if (result < 0) {
      completion.code = this.#driver.errors.codeOf(-result);
      completion.systemNumber = -result;
      completion.errors = this.#driver.errors;
    }
    return completion;
  }

  #fill(
    completion: Completion,
    kind: OperationKind,
    socket: OverlappedSocket | undefined,
    context: unknown,
    bytes: number,
    more: boolean,
  ): void {
    completion.kind = kind;
    completion.socket = socket;
    completion.key = socket === undefined ? undefined : socket.key;
    completion.context = context;
    completion.bytes = bytes;
    completion.more = more;
    completion.accepted = undefined;
    completion.buffer = undefined;
    completion.code = undefined;
    completion.systemNumber = 0;
  }

  /**
   * Removes the file of a bound Unix socket, once. If it cannot be removed the next bind to its path fails, so the program is
   * warned. The system's socket must be open still: until it is closed no other file can have the number of this one.
   */
  removePath({ names }: OverlappedSocket): void {
    const boundPath = names?.boundPath;
    if (names === undefined || boundPath === undefined) {
      return;
    }
    delete names.boundPath;
    try {
      this.#driver.sockets.removePath(boundPath);
    } catch (error) {
      const { message, code = '' } = error as NodeJS.ErrnoException;
      const text = `The file of a closed Unix socket cannot be removed, so its path stays in use: ${message}`;
      process.emitWarning(text, { type: 'OverlappedPathWarning', code });
    }
  }

  /** Closes the system's socket, if this one is closing and its last operation has ended. */
  closeIfIdle(socket: OverlappedSocket): void {
    if (socket.state !== 'closing' || socket.readSlot >= 0 || socket.firstSend >= 0) {
      return;
    }
    socket.state = 'closed';
    if (socket.isAssociated) {
      // The driver does not know a socket that was never associated: its number may be beyond the driver's tables.
      this.#driver.forget(socket.handle);
    }
    this.removePath(socket);
    this.#driver.sockets.close(socket.handle);
    this.sockets.delete(socket);
    if (this.#retries.acceptsWait) {
      this.#retries.retryAccepts();
    }
  }
}
