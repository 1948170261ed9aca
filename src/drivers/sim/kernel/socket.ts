/** A socket of a simulated network: what its kernel knows of one. */

import type { SocketAddress, SocketFamily } from '../../../base/address.js';
import type { SocketOption } from '../../driver.js';
import type { SimEvent } from '../event-queue.js';
import { unbound } from './addresses.js';
import { ByteStream } from './byte-stream.js';
import type { Operation, OperationOwner } from './operation.js';

export type SimSocketState = 'created' | 'listening' | 'connecting' | 'connected' | 'closed';

/** Bytes that a socket's buffer for sending, and the one for receiving, take unless told. */
export const SOCKET_BUFFER_BYTES = 65_536;

export class SimSocket {
  readonly family: SocketFamily;
  dualStack: boolean;
  /** -1 before it is accepted, and of an endpoint. */
  number = -1;
  state: SimSocketState = 'created';
  local: SocketAddress;
  remote: SocketAddress | undefined = undefined;
  /** Whether the address book has `local`. */
  bound = false;
  reusePort = false;
  options: Record<SocketOption, number> = {
    noDelay: 0,
    keepAlive: 0,
    sendBufferBytes: SOCKET_BUFFER_BYTES,
    receiveBufferBytes: SOCKET_BUFFER_BYTES,
    userTimeoutMs: 0,
    resetOnClose: 0,
  };

  /** The other end. What it sends is in `incoming`, what we send in its `incoming`. */
  peer: SimSocket | undefined = undefined;
  readonly incoming = new ByteStream();
  /** Why the connection broke, as an error number; 0 while it lives. */
  error = 0;
  /** Whether a send or a receive has told it. */
  errorTold = false;
  /** The receiving side was shut down here. */
  receiveShut = false;
  /** The clock of `userTimeoutMs` runs; how much had been accepted when it was started. */
  timeoutRuns = false;
  acceptedBefore = 0;

  /** Of a listener: connections that wait to be accepted, and connects that found no room among them. */
  readonly backlog: SimSocket[] = [];
  backlogMax = 0;
  readonly waiting: SimSocket[] = [];
  /** Of a connect: the listener that it waits for, and when it gives up. */
  waitsFor: SimSocket | undefined = undefined;
  connectTimer: SimEvent | undefined = undefined;

  /** The port that it was associated with, and the operations of its reading and its writing side. */
  owner: OperationOwner | undefined = undefined;
  reading: Operation | undefined = undefined;
  writing: Operation | undefined = undefined;
  /** Of an endpoint: told that something may be different now. */
  changed: (() => void) | undefined = undefined;

  constructor(family: SocketFamily, dualStack: boolean) {
    this.family = family;
    this.dualStack = dualStack;
    this.local = unbound(family);
  }

  /** Bytes that a send would take now. */
  get room(): number {
    const { peer } = this;
    return peer === undefined ? 0 : peer.incoming.room(this.options.sendBufferBytes, peer.options.receiveBufferBytes);
  }

  /** Whether our sending side has ended. */
  get sendEnded(): boolean {
    return this.peer?.incoming.ended ?? false;
  }
}
