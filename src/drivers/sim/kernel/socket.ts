/** The kernel's state of a simulated socket. */

import type { SocketAddress, SocketFamily } from '../../../base/address.js';
import type { SocketOption } from '../../driver.js';
import type { SimEvent } from '../event-queue.js';
import { unbound } from './addresses.js';
import { ByteStream } from './byte-stream.js';
import type { Operation, OperationOwner } from './operation.js';

export type SimSocketState = 'created' | 'listening' | 'connecting' | 'connected' | 'closed';

/** Default size of a socket's send buffer, and of its receive buffer. */
export const SOCKET_BUFFER_BYTES = 65_536;

/** As on Linux. */
const KEEP_ALIVE_INITIAL_DELAY_MS = 7_200_000;

export class SimSocket {
  readonly family: SocketFamily;
  dualStack: boolean;
  /** -1 until it is accepted, and for an endpoint. */
  number = -1;
  state: SimSocketState = 'created';
  local: SocketAddress;
  remote: SocketAddress | undefined = undefined;
  /** Whether `local` is in the address book. */
  bound = false;
  reusePort = false;
  options: Record<SocketOption, number> = {
    noDelay: 0,
    keepAlive: 0,
    keepAliveInitialDelayMs: KEEP_ALIVE_INITIAL_DELAY_MS,
    keepAliveIntervalMs: 1000,
    keepAliveProbes: 10,
    typeOfService: 0,
    sendBufferBytes: SOCKET_BUFFER_BYTES,
    receiveBufferBytes: SOCKET_BUFFER_BYTES,
    receiveLowWaterBytes: 1,
    userTimeoutMs: 0,
    resetOnClose: 0,
  };

  /** The other end. It sends into our `incoming`, and we send into its `incoming`. */
  peer: SimSocket | undefined = undefined;
  readonly incoming = new ByteStream();
  /** The error number with which the connection broke; 0 if it is not broken. */
  error = 0;
  /** Whether a send or a receive has reported the error. */
  errorReported = false;
  /** Whether our receiving side was shut down. */
  receiveShut = false;
  /** Whether the timer of `userTimeoutMs` runs. */
  timeoutRuns = false;
  /** Number of bytes that the peer had accepted when the timer was started. */
  acceptedBefore = 0;

  /** For a listener: connections to be accepted, and, in `waiting`, connects that found the backlog full. */
  readonly backlog: SimSocket[] = [];
  backlogMax = 0;
  readonly waiting: SimSocket[] = [];
  /** For a connect: the listener whose backlog is full, and the timeout. */
  waitsFor: SimSocket | undefined = undefined;
  connectTimer: SimEvent | undefined = undefined;

  /** The associated port, and the operations on the reading and the writing side. */
  owner: OperationOwner | undefined = undefined;
  reading: Operation | undefined = undefined;
  writing: Operation | undefined = undefined;
  /** For an endpoint: called when any state may have changed. */
  changed: (() => void) | undefined = undefined;

  constructor(family: SocketFamily, dualStack: boolean) {
    this.family = family;
    this.dualStack = dualStack;
    this.local = unbound(family);
  }

  /** Number of bytes that a send would take. */
  get room(): number {
    const { peer } = this;
    return peer === undefined ? 0 : peer.incoming.room(this.options.sendBufferBytes, peer.options.receiveBufferBytes);
  }

  /**
   * Whether a receive may complete with the bytes that have arrived. As on Linux, the low-water mark is at most half of
   * the receive buffer, and holds nothing back once the end has arrived.
   */
  get isReadable(): boolean {
    const { incoming } = this;
    const { receiveBufferBytes, receiveLowWaterBytes } = this.options;
    const mark = Math.min(receiveLowWaterBytes, receiveBufferBytes >> 1);
    return incoming.readable > 0 && (incoming.readable >= mark || incoming.endArrived);
  }

  /** Whether our sending side has ended. */
  get sendEnded(): boolean {
    return this.peer?.incoming.ended ?? false;
  }
}
