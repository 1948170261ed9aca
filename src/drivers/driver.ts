/**
 * What every driver provides: the seam between the port and an operating system's interface. A driver carries out
 * operations that the port identifies by a slot and the slot's generation, and says how each ended. It knows sockets
 * as the numbers the system gives them, and nothing of keys, handlers or queues.
 */

import type { SocketAddress, SocketFamily } from '../base/address.js';
import type { Clock } from '../base/clock.js';
import type { ErrorTable } from '../base/errors.js';

/** Drivers of operating systems. */
export const DRIVER_NAMES = ['iocp', 'io_uring', 'epoll', 'select'] as const satisfies readonly SystemDriverName[];

/** The name of an operating system's driver. */
export type SystemDriverName = 'iocp' | 'io_uring' | 'epoll' | 'select';

/** The name of a driver. `sim` is a network in memory, for tests: no system has it, and `auto` never takes it. */
export type DriverName = SystemDriverName | 'sim';

/** What programs ask for: a driver by its name, or `auto` for the first that this system can run. */
export type DriverChoice = SystemDriverName | 'auto';

/** Why a driver cannot be used, and what to do about it. */
export interface Refusal {
  /** The driver cannot be used. */
  readonly usable: false;
  /** Why it cannot be used. */
  readonly reason: string;
  /** What to do about it. */
  readonly advice: string;
  /** The code of the system's error, where there was one. */
  readonly code?: string;
}

/** Whether this system can run a driver. */
export type Probe =
  | {
      /** Whether it can be used. */
      readonly usable: true;
    }
  | Refusal;

/** Conditions that a probe depends on besides the system. */
export interface ProbeOptions {
  /** Names of optional system features to do without. */
  readonly disabledFeatures: ReadonlySet<string>;
  /** Whether the port will run in a worker, which may be terminated while the process goes on. */
  readonly inWorker: boolean;
}

/** The port's receive buffers as a driver sees them: equal pieces of one slab. */
export interface ReceiveBuffers {
  readonly count: number;
  readonly sizeBytes: number;
  /** From the start of one buffer to that of the next. */
  readonly strideBytes: number;
  /** Address of buffer 0; buffer `i` is `i * strideBytes` behind it. */
  readonly address: number;
  /** The same memory. */
  readonly memory: Uint8Array;
}

/**
 * Memory of sends that is the program's: the program can take it away while they wait, by a transfer or a resize. Its
 * address is that of somebody else's memory then.
 */
export interface BorrowedMemory {
  /**
   * Whether all memory of the send in `slot` is there. To be asked right before each call in which the system reads it, with
   * nothing of the program's in between; a send whose memory is gone ends with `ERR_BUFFER_DETACHED`, negated.
   */
  isWhole(slot: number): boolean;
}

export interface DriverOptions {
  readonly buffers: ReceiveBuffers;
  readonly borrowed: BorrowedMemory;
  /** Names of optional system features to do without, so that tests reach every fall-back. */
  readonly disabledFeatures: ReadonlySet<string>;
  /** Submission queue entries, a power of two; only io_uring has one. */
  readonly submissionEntries: number;
}

/** The pieces of one gathered send: `count` addresses and lengths in order. The driver copies what it needs of it, and may shorten it. */
export interface BufferList {
  count: number;
  /** Whether any of it is borrowed memory. */
  borrowed: boolean;
  readonly addresses: Float64Array;
  readonly lengths: Float64Array;
}

/** The most pieces a driver sends at once (half a page of iovecs; the system's own limit is 1,024). */
export const GATHER_PIECES_MAX = 128;

/** Where a driver puts what has completed. */
export interface CompletionSink {
  /**
   * One completion of the operation in `slot`.
   * @param result bytes, or the accepted socket, or 0; negative: the system's error number, negated
   * @param more whether this operation will complete again
   * @param buffer the receive buffer that holds the bytes, lent until it is given back; -1 when there is none
   */
  complete(slot: number, generation: number, result: number, more: boolean, buffer: number): void;
  /** `count` wake-ups were posted since the last call. */
  wakeUp(count: number): void;
  /** Whether the operation is with the driver still. */
  isInFlight(slot: number, generation: number): boolean;
}

export const SOCKET_OPTIONS = [
  'noDelay',
  'keepAlive',
  'sendBufferBytes',
  'receiveBufferBytes',
  'userTimeoutMs',
  'resetOnClose',
] as const;

/** Options of a socket, in the model's words; numbers, with 0 and 1 for off and on. */
export type SocketOption = (typeof SOCKET_OPTIONS)[number];

export interface SocketCreation {
  readonly family: SocketFamily;
  /** IPv6 only: also take IPv4 connections. */
  readonly dualStack: boolean;
}

/** Options of `OverlappedSocket.bind`. */
export interface BindOptions {
  /** Lets several sockets listen at one port, the system spreading connections over them. */
  readonly reusePort: boolean;
}

/** A file that a Unix socket made by being bound. */
export interface BoundPath {
  /** Where it is, whatever the working directory is by now. */
  readonly path: string;
  /** Tells it from any other file that comes to have its path; undefined when it was gone at once. */
  readonly identity: string | undefined;
  /** The error because of which the identity is not known. */
  readonly problem: Error | undefined;
}

/** The calls on a socket that are immediate on every system. Each throws an OperationError. */
export interface SocketCalls {
  /** How many this process may have at once; Infinity when there is no such limit. */
  socketsMax(): number;
  create(creation: SocketCreation): number;
  /** @returns the file that it made, if it made one */
  bind(socket: number, address: SocketAddress, options: BindOptions): BoundPath | undefined;
  listen(socket: number, backlog: number): void;
  /** Lets an IPv6 socket that is about to connect reach an IPv4 address in its mapped form; one that is bound stays as it is. */
  reachIpv4(socket: number): void;
  localAddress(socket: number): SocketAddress;
  remoteAddress(socket: number): SocketAddress;
  setOption(socket: number, option: SocketOption, value: number): void;
  getOption(socket: number, option: SocketOption): number;
  /**
   * A number that grows as the peer takes what was sent to it, whether a send has completed or not; undefined where the
   * system does not tell.
   */
  sendProgress(socket: number): number | undefined;
  /**
   * Whether a connection whose sending side was not ended is over nevertheless: it was reset, or given up. Absent where the
   * system tells each receive of that.
   */
  isBroken?(socket: number): boolean;
  /** Ends the sending side (FIN once everything is sent). */
  shutdownSend(socket: number): void;
  /** Ends both sides at once; on a listener it ends the listening. Says nothing about sockets that are not connected. */
  shutdownBoth(socket: number): void;
  close(socket: number): void;
  /**
   * Gives a connected socket that no operation was posted on to a port of another thread, by what the system calls it
   * there. Absent where sockets exist in one thread only.
   * @param thread the `threadId` of the worker whose it is from now on
   */
  detach?(socket: number, thread: number): number;
  /** The other side of it: a connected socket of another thread is this one's. */
  adopt?(handle: number, family: SocketFamily): number;
  /**
   * Removes the file that a bind made, just before its socket is closed. One that is gone, or has made room for another
   * file, is no error; one that cannot be removed is.
   */
  removePath(bound: BoundPath): void;
}

/** A driver's place in Node's event loop. */
export interface LoopWatch {
  /** How the loop is told, for `doctor`. */
  readonly kind: string;
  /** To be called before each return to the loop: from now on, completions bring a call of `onReady`. */
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

/** An operating system's interface under a completion port. Posts are gathered until `poll`; none blocks or calls back. */
export interface Driver {
  readonly name: DriverName;
  /** Optional system features in use, for `doctor` and tests. */
  readonly features: readonly string[];
  readonly sockets: SocketCalls;
  readonly errors: ErrorTable;
  readonly clock: Clock;

  /** The socket joins the port. */
  associate(socket: number, family: SocketFamily): void;
  /** A socket that joined is about to be closed, or leaves; nothing of it is in flight. */
  forget(socket: number): void;

  postAccept(slot: number, generation: number, socket: number): void;
  postConnect(slot: number, generation: number, socket: number, address: SocketAddress): void;
  /**
   * @param once whether to complete once even where the driver could go on
   * @param hasWaited whether it was held back for want of a buffer: now it comes before those that are in flight
   */
  postReceive(slot: number, generation: number, socket: number, once: boolean, hasWaited?: boolean): void;
  /**
   * Completes with the bytes taken, which may be fewer.
   * @param borrowed whether this is borrowed memory
   */
  postSend(
    slot: number,
    generation: number,
    socket: number,
    address: number,
    byteLength: number,
    borrowed: boolean,
  ): void;
  postSendGather(slot: number, generation: number, socket: number, gather: BufferList): void;
  /** Asks for the end of an operation; it completes, cancelled or not, through `poll`. */
  cancel(slot: number, generation: number, socket: number): void;

  /** A lent receive buffer comes back. */
  giveBuffer(index: number): void;
  /** Free receive buffers at this moment. */
  readonly buffersFree: number;

  /** Hands over what was posted and takes at most about `completionsMax` completions, waiting up to `timeoutMs` for the first. */
  poll(sink: CompletionSink, completionsMax: number, timeoutMs: number): void;
  /** Whether `poll(…, 0)` has something to do, as far as memory tells without a system call. */
  hasWork(): boolean;
  /**
   * When `poll` is to be called again after the system had no memory for what it does, by `clock`: `hasWork` does not ask
   * for it until then. Infinity, or absent, when nothing waits for that.
   */
  readonly retryAt?: number;
  /** Whether `hasWork` also tells when something has come: then it can be waited for, for a moment, by looking there. */
  readonly seesArrivals: boolean;

  /**
   * Whether the system reads the memory of a send also between calls, when nobody can look whether it is there: then borrowed
   * memory is copied before it is posted.
   */
  readonly readsBetweenCalls: boolean;

  /** What any thread needs to wake this port (`wakePort` in choose.ts): a descriptor to write, or a port's handle. */
  readonly wakeDescriptor: number;

  watch(onReady: () => void): LoopWatch;
  /**
   * Gives everything back to the system. Nothing may be in flight any more, unless `poll` has thrown: then nothing
   * completes from here on, and only `forget` and the calls on sockets follow.
   */
  close(): void;
}
