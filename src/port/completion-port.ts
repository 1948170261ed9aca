/**
 * The completion port: post operations, the system carries them out, dequeue their completions. The contract is
 * written out in `docs/completion-port.md`.
 */

import assert from 'node:assert/strict';
import type { SocketAddress, SocketFamily } from '../drivers/address.js';
import { type Choice, openDriver } from '../drivers/choose.js';
import type { Driver, DriverName, LoopWatch } from '../drivers/driver.js';
import { OperationError } from '../drivers/error.js';
import { BufferPool, type PoolBuffer } from './buffer-pool.js';
import type { Completion, CompletionBatch } from './completion.js';
import { CompletionQueue } from './completion-queue.js';
import { Delays } from './delays.js';
import { ACCEPT, CONNECT, OperationTable, RECEIVE, SEND, SHUTDOWN } from './operations.js';
import { type CheckedOptions, type CompletionPortOptions, checkOptions } from './options.js';
import { type CompletionHandler, Pump, type PumpOptions } from './pump.js';
import { SendMemory } from './send-memory.js';
import { Settler } from './settle.js';
import { OverlappedSocket } from './socket.js';
import { closeWakeHandle, createWakeHandle, postWakeUp, type WakeHandle } from './waker.js';

/** How long closing a port may wait for the system to end what is in flight, in ms. */
const CLOSE_TIMEOUT_MS = 5000;

/** Completions taken at once while a port closes. */
const CLOSE_COMPLETIONS = 1024;

/** Ports that are not closed. The kernel may touch their memory, so it must not be collected. */
const openPorts = new Set<CompletionPort>();

/** What can be cancelled on a socket. */
export type Cancellable = 'accept' | 'connect' | 'receive' | 'send';

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
  readonly receivesDelayed: number;
}

export class CompletionPort {
  readonly #driver: Driver;
  readonly #passedOver: readonly string[];
  readonly #operations: OperationTable;
  readonly #pool: BufferPool;
  readonly #queue = new CompletionQueue();
  readonly #delays: Delays;
  readonly #sendMemory: SendMemory;
  readonly #settler: Settler;
  readonly #wakeHandle: WakeHandle;
  #pump: Pump | undefined;
  #closed = false;

  /**
   * Creates a port.
   * @throws OperationError `ERR_UNKNOWN_DRIVER`, `ERR_DRIVER_UNAVAILABLE`, `ERR_OUT_OF_RANGE`, `EMFILE`, `ENOMEM`
   * @example
   * const port = CompletionPort.create({ driver: 'auto' });
   */
  static create(options: CompletionPortOptions = {}): CompletionPort {
    return new CompletionPort(checkOptions(options));
  }

  private constructor(options: CheckedOptions) {
    this.#pool = new BufferPool(options.buffersMax, options.bufferSizeBytes, options.fillReleasedBuffers);
    const choice: Choice = openDriver(options.driver, {
      buffers: this.#pool,
      withhold: new Set(options.withhold),
      submissionEntries: options.submissionEntries,
    });
    this.#driver = choice.driver;
    this.#passedOver = choice.passedOver;
    this.#operations = new OperationTable(options.operationsMax);
    this.#delays = new Delays(this.#driver, this.#operations);
    this.#sendMemory = new SendMemory(this.#operations, this.#pool);
    this.#settler = new Settler({
      driver: this.#driver,
      operations: this.#operations,
      queue: this.#queue,
      pool: this.#pool,
      delays: this.#delays,
      sendMemory: this.#sendMemory,
    });
    this.#pool.onReturn((index) => this.#bufferReturned(index));
    this.#wakeHandle = createWakeHandle(this.#driver.wakeDescriptor);
    openPorts.add(this);
  }

  /** The driver in use. */
  get driver(): DriverName {
    return this.#driver.name;
  }

  /** Optional system features that the driver uses here. */
  get features(): readonly string[] {
    return this.#driver.features;
  }

  /** Drivers that `auto` would have preferred, with why each was passed over. */
  get passedOver(): readonly string[] {
    return this.#passedOver;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Creates an overlapped socket for streams. @param options.dualStack IPv6 only: take IPv4 connections too */
  createSocket(family: SocketFamily, options: { readonly dualStack?: boolean } = {}): OverlappedSocket {
    this.#requireOpen('socket');
    const calls = this.#driver.sockets;
    const handle = calls.create({ family, dualStack: options.dualStack ?? false });
    const socket = new OverlappedSocket(calls, handle, family, 'created');
    this.#settler.sockets.add(socket);
    return socket;
  }

  /** The socket joins the port, once, with its completion key: any value, given back with each of its completions. */
  associate(socket: OverlappedSocket, key?: unknown): void {
    this.#requireOpen('associate');
    this.#requireUsable(socket, 'associate');
    if (socket.port !== undefined) {
      throw new OperationError({ code: 'EALREADY', reason: 'The socket is associated already', syscall: 'associate' });
    }
    this.#driver.associate(socket.handle);
    socket.port = this;
    socket.key = key;
  }

  /** Posts an accept on a listening socket. One may be in flight; post again when a completion says `more: false`. */
  postAccept(listener: OverlappedSocket, context?: unknown): void {
    this.#requirePostable(listener, 'accept', 'listening');
    this.#requireIdle(listener.readSlot, 'accept');
    const slot = this.#operations.allocate(ACCEPT, listener, context);
    listener.readSlot = slot;
    this.#driver.postAccept(slot, this.#operations.generation[slot] as number, listener.handle);
    this.#pump?.posted();
  }

  /** Posts a connect on a socket that was just created. */
  postConnect(socket: OverlappedSocket, address: SocketAddress, context?: unknown): void {
    this.#requirePostable(socket, 'connect', 'created');
    const slot = this.#operations.allocate(CONNECT, socket, context);
    try {
      this.#driver.postConnect(slot, this.#operations.generation[slot] as number, socket.handle, address);
    } catch (error) {
      this.#operations.release(slot);
      throw error;
    }
    socket.connectSlot = slot;
    socket.connectAddress = address;
    socket.state = 'connecting';
    this.#pump?.posted();
  }

  /**
   * Posts a receive. One may be in flight; post again when a completion says `more: false`. The buffer is chosen when
   * data arrives, and lent with the completion. While none is free the receive waits.
   * @param options.once complete once, also where the driver could go on by itself
   */
  postReceive(socket: OverlappedSocket, options: { readonly once?: boolean; readonly context?: unknown } = {}): void {
    this.#requirePostable(socket, 'receive', 'connected');
    this.#requireIdle(socket.readSlot, 'receive');
    const slot = this.#operations.allocate(RECEIVE, socket, options.context);
    const once = options.once ?? false;
    this.#operations.once[slot] = once ? 1 : 0;
    socket.readSlot = slot;
    this.#driver.postReceive(slot, this.#operations.generation[slot] as number, socket.handle, once);
    this.#pump?.posted();
  }

  /**
   * Posts a send of all of `data`, one buffer or several. Sends of a socket go out in the order of their posts. Up to
   * 1,024 bytes are copied; more stay where they are and must not change until the completion. A view of a receive
   * buffer is sent from there.
   */
  postSend(socket: OverlappedSocket, data: Uint8Array | readonly Uint8Array[], context?: unknown): void {
    this.#requirePostable(socket, 'send', 'connected');
    const slot = this.#operations.allocate(SEND, socket, context);
    try {
      if (data instanceof Uint8Array) {
        this.#sendMemory.hold(slot, data);
      } else {
        this.#sendMemory.holdPieces(slot, data);
      }
    } catch (error) {
      this.#operations.release(slot);
      throw error;
    }
    this.#settler.sends.append(socket, slot);
    this.#pump?.posted();
  }

  /** Posts a send of the first bytes of a receive buffer, which it keeps until its completion: an echo that copies nothing. */
  postSendBuffer(socket: OverlappedSocket, buffer: PoolBuffer, byteLength: number, context?: unknown): void {
    this.#requirePostable(socket, 'send', 'connected');
    assert(byteLength >= 0 && byteLength <= buffer.sizeBytes && buffer.references > 0);
    const slot = this.#operations.allocate(SEND, socket, context);
    this.#sendMemory.holdPooled(slot, buffer, byteLength);
    this.#settler.sends.append(socket, slot);
    this.#pump?.posted();
  }

  /** Posts the end of the sending side: behind the sends posted before, the peer sees the end of the stream. */
  postShutdown(socket: OverlappedSocket, context?: unknown): void {
    this.#requirePostable(socket, 'shutdown', 'connected');
    const slot = this.#operations.allocate(SHUTDOWN, socket, context);
    this.#settler.sends.append(socket, slot);
    this.#pump?.posted();
  }

  /**
   * Asks for the end of an operation, or of all sends, of a socket. Each completes, with `ECANCELED` unless it was
   * faster. Cancelled sends may have gone out in part: only closing makes sense then.
   */
  cancel(socket: OverlappedSocket, what: Cancellable): void {
    this.#requireOpen('cancel');
    this.#requireOwn(socket, 'cancel');
    const { kind } = this.#operations;
    if (what === 'send') {
      this.#settler.sends.cancelAll(socket);
    } else {
      const slot = what === 'connect' ? socket.connectSlot : socket.readSlot;
      const wanted = what === 'accept' ? ACCEPT : what === 'receive' ? RECEIVE : CONNECT;
      if (slot >= 0 && kind[slot] === wanted) {
        this.#cancelSlot(socket, slot);
      }
    }
    this.#pump?.posted();
  }

  #cancelSlot(socket: OverlappedSocket, slot: number): void {
    this.#operations.cancelled[slot] = 1;
    if (this.#operations.delayed[slot] === 1) {
      this.#settler.endCancelled(slot);
    } else {
      this.#driver.cancel(slot, this.#operations.generation[slot] as number, socket.handle);
    }
  }

  /**
   * Closes a socket. A listener stops listening at once. What is in flight completes with `ECANCELED`; when the last
   * of it has been dequeued the socket is given back to the system, and the peer sees the end of the stream.
   * @param options.reset break the connection instead (RST), discarding what is unsent
   */
  closeSocket(socket: OverlappedSocket, options: { readonly reset?: boolean } = {}): void {
    this.#requireOwn(socket, 'close');
    if (socket.closed) {
      return;
    }
    if (socket.state === 'listening') {
      this.#driver.sockets.shutdownBoth(socket.handle);
    } else if (options.reset === true) {
      this.#driver.sockets.setOption(socket.handle, 'resetOnClose', 1);
    }
    socket.state = 'closing';
    for (const slot of [socket.readSlot, socket.connectSlot]) {
      if (slot >= 0) {
        this.#cancelSlot(socket, slot);
      }
    }
    if (socket.firstSend >= 0) {
      this.#settler.sends.cancelAll(socket);
    }
    this.#settler.closeIfIdle(socket);
    this.#pump?.posted();
  }

  /**
   * Dequeues completions into `batch`, replacing what it held.
   * @param timeoutMs how long to wait for the first: 0 polls, Infinity waits for ever; rounded up to whole ms
   * @returns how many were dequeued; 0 when none came in time
   * @throws OperationError `EBADF` when the port is closed and its last completion has been dequeued
   */
  getQueuedCompletions(batch: CompletionBatch, timeoutMs: number): number {
    if (!(timeoutMs >= 0)) {
      throw new OperationError({
        code: 'ERR_OUT_OF_RANGE',
        reason: `timeoutMs: expected 0 or more, got ${timeoutMs}`,
        syscall: 'dequeue',
      });
    }
    this.#queue.open(batch);
    if (this.#closed) {
      this.#queue.close();
      if (batch.length === 0) {
        this.#requireOpen('dequeue');
      }
      return batch.length;
    }
    this.#dequeue(batch, timeoutMs);
    this.#queue.close();
    return batch.length;
  }

  #dequeue(batch: CompletionBatch, timeoutMs: number): void {
    const delays = this.#delays;
    const waits = timeoutMs > 0 && batch.length === 0;
    const deadline = waits && timeoutMs !== Infinity ? performance.now() + timeoutMs : Infinity;
    let left = waits ? timeoutMs : 0;
    for (;;) {
      let wait = left;
      if (delays.acceptsDueAt !== Infinity) {
        const due = delays.acceptsDueAt - performance.now();
        wait = Math.min(left, Math.max(0, due));
        if (due <= 0) {
          delays.retryAccepts();
        }
      }
      const room = batch.completionsMax - batch.length;
      if (room > 0 || this.#driver.hasWork()) {
        this.#driver.poll(this.#settler, Math.max(1, room), wait);
      }
      if (batch.length > 0 || left === 0) {
        return;
      }
      // Nothing that goes up: an accept retried, a connection closed, a signal, a bare wake.
      left = deadline === Infinity ? left : Math.max(0, deadline - performance.now());
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
    this.#startPump(handler, options).start();
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
      if (this.#pump === pump) {
        this.#pump = undefined;
      }
    }
  }

  #startPump(handler: CompletionHandler, options: PumpOptions): Pump {
    this.#requireOpen('run');
    if (this.#pump !== undefined) {
      throw new OperationError({ code: 'EALREADY', reason: 'The port runs already', syscall: 'run' });
    }
    this.#pump = new Pump(this, handler, options);
    return this.#pump;
  }

  /** Ends `start` or `run`. The port stays open, what is in flight too; it can be run again. */
  stop(): void {
    const pump = this.#pump;
    this.#pump = undefined;
    pump?.stop();
  }

  /** The running port keeps the process alive (as it does unless told). */
  ref(): void {
    this.#pump?.ref();
  }

  /** The running port does not keep the process alive. */
  unref(): void {
    this.#pump?.unref();
  }

  /** How a completion reaches Node's event loop; undefined while the port is not started. */
  get eventLoopWatch(): string | undefined {
    return this.#pump?.watchKind;
  }

  get statistics(): PortStatistics {
    return {
      sockets: this.#settler.sockets.size,
      operationsInFlight: this.#operations.inFlight,
      completionsQueued: this.#queue.length,
      buffersLent: this.#pool.lent,
      sendBlocksHeld: this.#sendMemory.blocksHeld,
      lateCompletions: this.#settler.lateCompletions,
      acceptsDelayed: this.#delays.acceptsDelayed,
      receivesDelayed: this.#delays.receivesDelayed,
    };
  }

  /**
   * Closes all sockets and the port. What is in flight completes with `ECANCELED`: these completions can still be
   * dequeued, and a started port dispatches them. Does nothing on a closed port.
   */
  close(): void {
    if (this.#closed) {
      return;
    }
    closeWakeHandle(this.#wakeHandle);
    for (const socket of [...this.#settler.sockets]) {
      this.closeSocket(socket);
    }
    const deadline = performance.now() + CLOSE_TIMEOUT_MS;
    while (this.#operations.inFlight > 0 && performance.now() < deadline) {
      this.#driver.poll(this.#settler, CLOSE_COMPLETIONS, 100);
    }
    if (this.#operations.inFlight > 0) {
      // Its memory must stay: the port remains among the open ones for good.
      throw new OperationError({
        code: 'ETIMEDOUT',
        reason: `${this.#operations.inFlight} operations did not end in ${CLOSE_TIMEOUT_MS} ms`,
        syscall: 'close port',
      });
    }
    assert(this.#settler.sockets.size === 0);
    this.#closed = true;
    this.#pump?.portClosed();
    this.#driver.close();
    openPorts.delete(this);
  }

  /** @internal */
  hasWork(): boolean {
    return this.#queue.length > 0 || (!this.#closed && this.#driver.hasWork());
  }

  /** @internal */
  putBack(completions: readonly Completion[]): void {
    this.#queue.putBack(completions);
  }

  /** @internal When the port wants a turn by itself, by `performance.now()`; Infinity when never. */
  get dueAt(): number {
    return this.#delays.acceptsDueAt;
  }

  /** @internal */
  get finestWaitMs(): number {
    return this.#driver.finestWaitMs;
  }

  /** @internal */
  watch(onReady: () => void): LoopWatch {
    return this.#driver.watch(onReady);
  }

  #bufferReturned(index: number): void {
    if (!this.#closed) {
      this.#driver.giveBuffer(index);
      this.#delays.bufferReturned();
      this.#pump?.posted();
    }
  }

  #requireOpen(syscall: string): void {
    if (this.#closed) {
      throw new OperationError({ code: 'EBADF', reason: 'The port is closed', syscall });
    }
  }

  #requireUsable(socket: OverlappedSocket, syscall: string): void {
    this.#requireOwn(socket, syscall);
    if (socket.closed) {
      throw new OperationError({ code: 'EBADF', reason: 'The socket is closed', syscall });
    }
  }

  #requireOwn(socket: OverlappedSocket, syscall: string): void {
    if (socket.calls !== this.#driver.sockets) {
      throw new OperationError({ code: 'EINVAL', reason: 'The socket belongs to another port', syscall });
    }
  }

  #requirePostable(socket: OverlappedSocket, syscall: string, state: 'created' | 'listening' | 'connected'): void {
    if (socket.port === this && socket.state === state) {
      return;
    }
    this.#requireOpen(syscall);
    this.#requireUsable(socket, syscall);
    if (socket.port !== this) {
      throw new OperationError({ code: 'EINVAL', reason: 'The socket is not associated with the port', syscall });
    }
    const code = state === 'connected' ? 'ENOTCONN' : 'EINVAL';
    throw new OperationError({ code, reason: `The socket is ${socket.state}, expected ${state}`, syscall });
  }

  #requireIdle(slot: number, syscall: string): void {
    if (slot >= 0) {
      throw new OperationError({ code: 'EALREADY', reason: `One ${syscall} is in flight already`, syscall });
    }
  }
}
