/** An operation in flight, in the reading or the writing place of its socket. */

import type { FreeBuffers } from '../../common/free-buffers.js';
import type { SimSocket } from './socket.js';

export type PlaceKind = 'accept' | 'connect' | 'receive' | 'send';

/** The port whose operations these are, as the network sees it. */
export interface OperationOwner {
  readonly buffers: FreeBuffers;
  /** Whether one receive completes again and again. */
  readonly multishot: boolean;
  /** A completion, at once or after the delay that the faults have. */
  completed(place: Place, result: number, more: boolean, buffer: number): void;
  /** Whether the memory of a send is there. */
  isWhole(place: Place): boolean;
  /** A copy of `byteLength` bytes at an address. */
  bytesAt(address: number, byteLength: number): Uint8Array;
}

export class Place {
  readonly kind: PlaceKind;
  readonly slot: number;
  readonly generation: number;
  readonly socket: SimSocket;
  /** A receive that completes once. */
  readonly once: boolean;
  /** Of a send: its pieces. */
  readonly addresses: number[] = [];
  readonly lengths: number[] = [];
  /** Of a send: whether the program can take its memory away. */
  borrowed = false;
  /** Whether the kernel has it: until then nothing tries it. */
  started = false;
  /** Completions that cannot be dequeued before then: the next must not overtake them. */
  inTransit = 0;
  visibleAt = 0;

  constructor(kind: PlaceKind, slot: number, generation: number, socket: SimSocket, once = false) {
    this.kind = kind;
    this.slot = slot;
    this.generation = generation;
    this.socket = socket;
    this.once = once;
  }

  get byteLength(): number {
    return this.lengths.reduce((sum, length) => sum + length, 0);
  }
}
