/** The interface of epoll and select to the readiness driver: a poller reports which sockets are ready. */

import type { SocketAddress } from '../../base/address.js';
import type { MessageLayout } from '../common/msghdr-blocks.js';
import type { LoopWatch, OnReady, SocketCalls } from '../driver.js';
import type { CallBatch, TransferCalls } from './call-batch.js';

/** Receives the reports of a poller. */
export interface ReadinessSink {
  /**
   * @param hangup whether the peer ended or reset the connection or sent urgent data: then only a read that would block
   * proves the socket empty
   */
  ready(socket: number, generation: number, readable: boolean, writable: boolean, hangup: boolean): void;
  wakeUp(count: number): void;
}

export interface Poller {
  /** Starts watching a socket. Returns 0, or the system's error number, negated. */
  add(socket: number, generation: number): number;
  remove(socket: number): void;
  /** Whether an operation waits for the socket to become readable. An edge-triggered poller ignores it. */
  wantRead(socket: number, wanted: boolean): void;
  wantWrite(socket: number, wanted: boolean): void;
  /**
   * Reports the sockets that are ready, waiting up to `timeoutMs` for the first; returns how many. Reports none if the
   * call was interrupted or the system had no memory.
   * @throws OperationError if the failure is permanent
   */
  wait(sink: ReadinessSink, timeoutMs: number): number;
  /** When to call `wait` again after the system had no memory; Infinity if it had. */
  readonly retryAt: number;

  /**
   * Whether a socket became wanted since the last `wait` whose readiness the watch may have reported before that. Then
   * `wait` must be called before Node's event loop waits.
   */
  readonly unasked: boolean;

  readonly wakeDescriptor: number;
  watch(onReady: OnReady): LoopWatch;
  /** Whether the last `wait` has ended because the event loop has something to do (`LoopWait`). */
  readonly interrupted?: boolean;
  close(): void;
}

/** The non-blocking calls. Each returns the result of the system call, or the system's error number, negated. */
export interface NonBlockingCalls extends SocketCalls, TransferCalls {
  /** The error number of a call that would block. */
  readonly wouldBlock: number;
  /** The error number of a connect that continues; it may be the same. */
  readonly inProgress: number;
  /** The form of the message that `sendMessage` takes. */
  readonly messages: MessageLayout;
  /** Error numbers that the driver itself completes operations with. */
  readonly cancelled: number;
  readonly noBuffers: number;

  accept(socket: number): number;
  /** Encodes an address for `connect`. @throws OperationError if the address is invalid */
  encodeAddress(address: SocketAddress): Uint8Array;
  /** Starts connecting. */
  connect(socket: number, encoded: Uint8Array): number;
  /** The result of a connect that continued: 0, or the error number, negated. */
  connectResult(socket: number): number;
  /** Makes the calls of a batch, in their order, and sets their results. */
  makeAll(batch: CallBatch): void;
}
