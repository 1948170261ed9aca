/** What epoll and select provide to the readiness driver: telling which sockets are ready. */

import type { SocketAddress } from '../../base/address.js';
import type { MessageLayout } from '../common/msghdr-blocks.js';
import type { LoopWatch, SocketCalls } from '../driver.js';
import type { CallBatch, TransferCalls } from './call-batch.js';

/** What a poller reports to. */
export interface ReadinessSink {
  /** @param hangup whether the peer ended or broke the connection, or sent urgent data: reading goes on until it would block */
  ready(socket: number, generation: number, readable: boolean, writable: boolean, hangup: boolean): void;
  wakeUp(count: number): void;
}

export interface Poller {
  /** Watches a socket from now on. Returns 0, or the system's error number, negated. */
  add(socket: number, generation: number): number;
  remove(socket: number): void;
  /** An operation waits for the socket to become readable, or no longer does. An edge-triggered poller ignores it. */
  wantRead(socket: number, wanted: boolean): void;
  wantWrite(socket: number, wanted: boolean): void;
  /**
   * Reports sockets that are ready, waiting up to `timeoutMs` for the first; returns how many. A call that was interrupted,
   * or had no memory, reports none.
   * @throws OperationError what the system refuses for good
   */
  wait(sink: ReadinessSink, timeoutMs: number): number;
  /** When to call `wait` again after the system had no memory; Infinity when that was not so. */
  readonly retryAt: number;

  /**
   * Whether something is wanted that `wait` has not asked for yet and that its watch may have reported before: then `wait` must
   * be called before Node's event loop sleeps.
   */
  readonly unasked: boolean;

  readonly wakeDescriptor: number;
  watch(onReady: () => void): LoopWatch;
  close(): void;
}

/** The non-blocking calls. Each returns what the call gave, or the system's error number, negated. */
export interface NonBlockingCalls extends SocketCalls, TransferCalls {
  /** The error number that says the call would have to wait. */
  readonly wouldBlock: number;
  /** The error number of a connect that goes on; it may be the same. */
  readonly inProgress: number;
  /** How `sendMessage` wants its message. */
  readonly messages: MessageLayout;
  /** Error numbers for what the driver itself says. */
  readonly cancelled: number;
  readonly noBuffers: number;

  accept(socket: number): number;
  /** An address in the system's form, as `connect` takes it. @throws OperationError for what is no address */
  encodeAddress(address: SocketAddress): Uint8Array;
  /** Starts connecting. */
  connect(socket: number, encoded: Uint8Array): number;
  /** How connecting ended: 0, or negative. */
  connectResult(socket: number): number;
  /** Makes the calls of a batch, in their order; what they gave is in it then. */
  makeAll(batch: CallBatch): void;
}
