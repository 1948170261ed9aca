/**
 * The interface between the port and an operating system, which every driver implements. A driver carries out
 * operations, which the port identifies by a slot and the slot's generation, and reports their completions. It knows
 * sockets by the system's numbers, and knows nothing of keys, handlers or queues.
 */

import type { SocketAddress, SocketFamily } from '../base/address.js';
import type { Clock } from '../base/clock.js';
import type { ErrorTable } from '../base/errors.js';

/** The drivers of operating systems, and that of Node, which runs on every system. */
export const DRIVER_NAMES = [
  'iocp',
  'io_uring',
  'epoll',
  'select',
  'node',
] as const satisfies readonly SystemDriverName[];

/** The name of an operating system's driver, or of Node's. */
export type SystemDriverName = 'iocp' | 'io_uring' | 'epoll' | 'select' | 'node';

/** A driver's name. `sim` is a network in memory, for tests: `auto` never chooses it. */
export type DriverName = SystemDriverName | 'sim';

/** A program's choice: a driver by its name, or `auto` for the first that this system can run. */
export type DriverChoice = SystemDriverName | 'auto';

/** Why a driver cannot be used, and what to do about it. */
export interface Refusal {
  /** The driver cannot be used. */
  readonly usable: false;
  /** Why it cannot be used. */
  readonly reason: string;
  /** Advice for the user. */
  readonly advice: string;
  /** The code of the system's error, if there was one. */
  readonly code?: string;
}

/** Whether this system can run a driver. */
export type Probe =
  | {
      /** Whether it can be used. */
      readonly usable: true;
    }
  | Refusal;

/** The options that a probe depends on, besides the system. */
export interface ProbeOptions {
  /** Names of optional system features that the driver must not use. */
  readonly disabledFeatures: ReadonlySet<string>;
  /** Whether the port will run in a worker, which may be terminated while the process continues. */
  readonly inWorker: boolean;
}

/** The port's receive buffers: equal parts of one block of memory. */
export interface ReceiveBuffers {
  readonly count: number;
  readonly sizeBytes: number;
  /** Bytes from the start of one buffer to the start of the next. */
  readonly strideBytes: number;
  /** Address of buffer 0. The address of buffer `i` is `address + i * strideBytes`. */
  readonly address: number;
  /** The same memory. */
  readonly memory: Uint8Array;
}

/**
 * Memory of sends that belongs to the program. The program can detach it while a send waits, by a transfer or a resize,
 * and its address may then belong to other memory.
 */
export interface BorrowedMemory {
  /**
   * Whether no memory of the send in `slot` has been detached. Call it immediately before each system call that reads
   * the memory, with no code of the program in between. A send whose memory is gone completes with
   * `ERR_BUFFER_DETACHED`, negated.
   */
  isWhole(slot: number): boolean;
}

/** The memory of sends, for a driver that cannot use addresses. */
export interface SendBytes {
  /** The bytes at an address in the memory of the send in `slot`, which is one piece that is not borrowed. */
  bytesOf(slot: number, address: number, byteLength: number): Uint8Array;
}

export interface DriverOptions {
  readonly buffers: ReceiveBuffers;
  readonly borrowed: BorrowedMemory;
  readonly sends: SendBytes;
  /** Names of optional system features that the driver must not use, so that tests reach every fallback. */
  readonly disabledFeatures: ReadonlySet<string>;
  /** Number of submission queue entries, a power of two. Only io_uring has such a queue. */
  readonly submissionEntries: number;
}

/**
 * The pieces of one gathered send: `count` addresses and lengths in order. The driver copies what it needs, and may
 * truncate the list.
 */
export interface BufferList {
  count: number;
  /** Whether any piece is borrowed memory. */
  borrowed: boolean;
  readonly addresses: Float64Array;
  readonly lengths: Float64Array;
  /** The pieces as views, for a driver with `needsViews`; undefined for others. */
  readonly views?: Uint8Array[] | undefined;
}

/** Maximum number of pieces of one gathered send (half a page of iovecs; Linux's own limit is 1,024). */
export const GATHER_PIECES_MAX = 128;

/** Receives the completions of a driver. */
export interface CompletionSink {
  /**
   * One completion of the operation in `slot`.
   * @param result number of bytes, or the accepted socket, or 0; if negative, the system's error number, negated
   * @param more whether this operation will complete again
   * @param buffer the receive buffer that holds the bytes, lent until `giveBuffer`; -1 if there is none
   */
  complete(slot: number, generation: number, result: number, more: boolean, buffer: number): void;
  /** `count` wake-ups were posted since the last call. */
  wakeUp(count: number): void;
  /** Whether the operation has not had its last completion yet. */
  isInFlight(slot: number, generation: number): boolean;
}

export const SOCKET_OPTIONS = [
  'noDelay',
  'keepAlive',
  'keepAliveInitialDelayMs',
  'keepAliveIntervalMs',
  'keepAliveProbes',
  'typeOfService',
  'sendBufferBytes',
  'receiveBufferBytes',
  'receiveLowWaterBytes',
  'userTimeoutMs',
  'resetOnClose',
] as const;

/** Options of a socket, the same on every system. Values are numbers, with 0 for off and 1 for on. */
export type SocketOption = (typeof SOCKET_OPTIONS)[number];

/** Options in milliseconds that every system keeps in whole seconds. */
export const OPTIONS_IN_SECONDS: ReadonlySet<SocketOption> = new Set([
  'keepAliveInitialDelayMs',
  'keepAliveIntervalMs',
]);

export interface SocketCreation {
  readonly family: SocketFamily;
  /** IPv6 only: also accept IPv4 connections. */
  readonly dualStack: boolean;
}

/** Options of `OverlappedSocket.bind`. */
export interface BindOptions {
  /** Lets several sockets listen at one port. The system distributes connections among them. */
  readonly reusePort: boolean;
}

/** The file that bind has created for a Unix socket. */
export interface BoundPath {
  /** Its absolute path. */
  readonly path: string;
  /** Distinguishes it from any other file that gets its path later; undefined if it was removed immediately. */
  readonly identity: string | undefined;
  /** Why the identity is unknown. */
  readonly problem: Error | undefined;
}

/** The calls on sockets that end immediately on every system. Each throws an OperationError. */
export interface SocketCalls {
  /** Whether several sockets can listen at one port (`reusePort`). */
  readonly sharesPorts: boolean;
  /** Maximum number of open sockets of this process; Infinity if there is no limit. */
  socketsMax(): number;
  create(creation: SocketCreation): number;
  /** @returns the file that was created, if any */
  bind(socket: number, address: SocketAddress, options: BindOptions): BoundPath | undefined;
  listen(socket: number, backlog: number): void;
  /** Lets an unbound IPv6 socket connect to an IPv4 address in its mapped form. Does nothing if it is bound. */
  reachIpv4(socket: number): void;
  localAddress(socket: number): SocketAddress;
  remoteAddress(socket: number): SocketAddress;
  setOption(socket: number, option: SocketOption, value: number): void;
  getOption(socket: number, option: SocketOption): number;
  /**
   * Whether the system takes `receiveLowWaterBytes`: a receive then waits until that many bytes have arrived, or the
   * receive buffer is nearly full, or the peer's end or a reset arrives. Lowering it completes a receive that it held back.
   */
  readonly hasReceiveLowWater: boolean;
  /**
   * A number that grows while the peer accepts sent bytes, even before a send completes; undefined if the system does
   * not provide one.
   */
  sendProgress(socket: number): number | undefined;
  /**
   * True if the connection was reset or timed out although we have not sent FIN. Absent if the system reports that to
   * every receive.
   */
  isBroken?(socket: number): boolean;
  /**
   * Sends the first of these bytes, as many as the system takes without waiting; the socket has no other send. Absent if
   * sends can only be posted.
   * @param more whether other bytes follow at once
   * @returns how many it took, 0 if there was no room; if negative, the system's error number, negated. The system may
   * report an error once only, so the caller keeps it
   */
  sendNow?(socket: number, address: number, byteLength: number, more: boolean): number;
  /** Ends the sending side: sends FIN after all queued bytes. */
  shutdownSend(socket: number): void;
  /** Ends both sides immediately. On a listener it stops listening. Throws no error if the socket is not connected. */
  shutdownBoth(socket: number): void;
  /**
   * Ends both sides of a connection immediately if `close` would end them without a reset: no received bytes wait in the
   * system. It is closed next. Absent where the system has no such call.
   */
  endNow?(socket: number): void;
  close(socket: number): void;
  /**
   * Detaches a connected socket without posted operations, so that a port of another thread can adopt it. Absent if
   * sockets belong to one thread.
   * @param thread the `threadId` of the new owner
   * @returns the handle for `adopt`
   */
  detach?(socket: number, thread: number): number;
  /** Adopts a connected socket that another thread has detached. */
  adopt?(handle: number, family: SocketFamily): number;
  /**
   * Removes the file that bind has created, immediately before its socket is closed. Does nothing if the file is gone
   * or was replaced; throws if it cannot be removed.
   */
  removePath(bound: BoundPath): void;
}

/**
 * Lets a port wait inside a turn, for its own completions and for Node's event loop at once. A message that finds the
 * program asleep then does not go through the event loop.
 */
export interface LoopWait {
  /** Prepares for waits, until `end`. Returns whether the port may wait. */
  begin(): boolean;
  /** Whether a `poll` that waits also ends when the event loop has something to do. Only the pump's own polls do. */
  isUsed: boolean;
  /** Whether such a poll has found since `begin` that the event loop has something to do. */
  readonly loopReady: boolean;
  /** How long the event loop has nothing to do unless something arrives, in ms: 0 if it has, Infinity without limit. */
  idleMs(): number;
  /** No waits follow. Does nothing the second time. */
  end(): void;
}

/**
 * Called when a poll would bring something.
 * @param inPoll whether the event loop's own poll calls, so that the port may wait in its place
 */
export type OnReady = (inPoll?: boolean) => void;

/** A driver's place in Node's event loop. */
export interface LoopWatch {
  /** How the event loop is woken, for `doctor`. */
  readonly kind: string;
  /** How turns wait for the event loop, too; undefined if they cannot. */
  readonly wait?: LoopWait | undefined;
  /** Call it before each return to the event loop: from then on, completions bring a call of `onReady`. */
  arm(): void;
  ref(): void;
  unref(): void;
  close(): void;
}

/** A driver of the caller's own, such as a simulated network. */
export interface DriverSource {
  /** Opens a driver for one port. */
  open(options: DriverOptions): Driver;
}

/**
 * An operating system's interface under a completion port. Posts are collected until `poll`; no post blocks or calls
 * back.
 */
export interface Driver {
  readonly name: DriverName;
  /** Optional system features in use, for `doctor` and tests. */
  readonly features: readonly string[];
  readonly sockets: SocketCalls;
  readonly errors: ErrorTable;
  readonly clock: Clock;

  /** Adds a socket to the port. */
  associate(socket: number, family: SocketFamily): void;
  /** Removes a socket that has no operation in flight, before it is closed or detached. */
  forget(socket: number): void;

  postAccept(slot: number, generation: number, socket: number): void;
  postConnect(slot: number, generation: number, socket: number, address: SocketAddress): void;
  /**
   * @param once whether to complete only once even if the driver supports multishot receives
   * @param hasWaited whether the receive has waited for a buffer: then it has priority over receives in flight
   */
  postReceive(slot: number, generation: number, socket: number, once: boolean, hasWaited?: boolean): void;
  /**
   * Completes with the number of bytes that the system has taken, which may be fewer.
   * @param borrowed whether the memory is borrowed
   */
  postSend(
    slot: number,
    generation: number,
    socket: number,
    address: number,
    byteLength: number,
    borrowed: boolean,
  ): void;
  postSendGather(slot: number, generation: number, socket: number, pieces: BufferList): void;
  /** Requests the cancellation of an operation, which completes through `poll`, cancelled or not. */
  cancel(slot: number, generation: number, socket: number): void;

  /** Returns a lent receive buffer. */
  giveBuffer(index: number): void;
  /** Number of free receive buffers. */
  readonly buffersFree: number;

  /**
   * Submits posted operations and delivers about `completionsMax` completions at most, waiting up to `timeoutMs` for
   * the first.
   */
  poll(sink: CompletionSink, completionsMax: number, timeoutMs: number): void;
  /** Whether the last `poll` has ended because the event loop has something to do (`LoopWait`). */
  readonly interrupted?: boolean;
  /**
   * Nobody waits for the completion of the send that was posted last, so a `poll` that waits need not end with it. Absent
   * if completions of sends cost nothing by themselves.
   */
  quietLastSend?(): void;
  /** Somebody waits for completions of sends that were quiet. */
  mindSends?(): void;
  /** Whether `poll(…, 0)` has something to do, as far as is known without a system call. */
  hasWork(): boolean;
  /**
   * When to call `poll` again after the system had no memory, by `clock`. `hasWork` is false until then. Infinity or
   * absent if no retry is due.
   */
  readonly retryAt?: number;
  /** Whether `hasWork` also sees new completions, so that a port can wait for one for a short time by calling it. */
  readonly seesArrivals: boolean;

  /**
   * Whether the system may read the memory of a send also between system calls, when `isWhole` cannot be checked. Then
   * borrowed memory is copied before it is posted.
   */
  readonly readsBetweenCalls: boolean;

  /** Whether gathered sends are posted with views of their pieces. */
  readonly needsViews?: boolean;

  /** Why `poll` cannot wait; absent if it can. A port then only polls, and runs in the event loop. */
  readonly cannotWait?: string;

  /** A descriptor, or the handle of a port, by which any thread can wake this port (`wakePort` in choose.ts). */
  readonly wakeDescriptor: number;

  watch(onReady: OnReady): LoopWatch;
  /**
   * Closes all of the driver's resources. No operation may be in flight unless `poll` has thrown; after that no
   * operation completes any more, and only `forget` and the calls on sockets follow.
   */
  close(): void;
}
