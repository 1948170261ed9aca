/** A socket of the driver `node`: its handle or stream of Node, and the operations that are posted on it. */

import type { Buffer } from 'node:buffer';
import type { SocketAddress, SocketFamily } from '../../base/address.js';
import type { SocketOption } from '../driver.js';
import type { NodeHandle, NodeStream } from './handles.js';

/** Kinds of operation on one side of a socket. */
export const IDLE = 0;
export const ACCEPT = 1;
export const RECEIVE = 2;
export const CONNECT = 3;
export const SEND = 4;

/** Hears of what Node reports of an endpoint. None of these calls may call the program. */
export interface EndpointOwner {
  /** `byteLength` bytes are in the landing buffer. Returns whether Node may go on reading. */
  received(endpoint: Endpoint, byteLength: number): boolean;
  ended(endpoint: Endpoint): void;
  /** @param errno positive */
  failed(endpoint: Endpoint, errno: number): void;
  connected(endpoint: Endpoint): void;
  written(endpoint: Endpoint, error: NodeJS.ErrnoException | null | undefined): void;
  accepted(listener: Endpoint, error: number, client: NodeHandle | undefined): void;
}

export class Endpoint {
  readonly number: number;
  readonly family: SocketFamily;
  readonly dualStack: boolean;
  readonly owner: EndpointOwner;
  /** The handle of a bound socket, a listener, or an accepted connection that has no stream yet. */
  handle: NodeHandle | undefined;
  stream: NodeStream | undefined;
  /** The path of a Unix socket, which its handle does not report. */
  bound: SocketAddress | undefined;
  peer: SocketAddress | undefined;
  isAccepted = false;
  options: Partial<Record<SocketOption, number>> = {};
  /** Whether closing resets the connection. */
  resets = false;

  /** The accept or receive in flight. */
  readKind = IDLE;
  readSlot = -1;
  readGeneration = 0;
  once = false;
  /** Whether Node reads from it. */
  isReading = false;
  /** The round of the driver in which its last chunk came. */
  chunkRound = -1;
  /** A chunk that came when no buffer was free, or no receive in flight. */
  stash: Buffer | undefined;
  /** The peer's end has come, after all chunks. */
  isEnded = false;
  /** Our end was sent. */
  isShut = false;
  /** The error that the connection has failed with, positive; 0 for none. */
  error = 0;

  /** The connect or send in flight. */
  writeKind = IDLE;
  writeSlot = -1;
  writeGeneration = 0;
  writeBytes = 0;
  /** Bytes of all sends. */
  bytesPosted = 0;
  /** Called by Node when a write has ended: one function for each connection that sends. */
  onWritten: ((error?: NodeJS.ErrnoException | null) => void) | undefined;

  /** A listener's connections for which no accept was posted, and how many there may be. */
  waiting: NodeHandle[] | undefined;
  backlog = 0;

  constructor(owner: EndpointOwner, number: number, family: SocketFamily, dualStack: boolean) {
    this.owner = owner;
    this.number = number;
    this.family = family;
    this.dualStack = dualStack;
  }
}
