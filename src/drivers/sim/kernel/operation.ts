/** An operation in flight, on the reading or the writing side of its socket. */

import type { FreeBuffers } from '../../common/free-buffers.js';

export type OperationKind = 'accept' | 'connect' | 'receive' | 'send';

/** The port that posted an operation, as the kernel sees it. */
export interface OperationOwner {
  readonly buffers: FreeBuffers;
  /** Whether one receive completes again and again. */
  readonly multishot: boolean;
  /** Reports a completion, immediately or after the delay of the faults. */
  completed(operation: Operation, result: number, more: boolean, buffer: number): void;
  /** Whether the program has not taken the memory of a send away. */
  isWhole(operation: Operation): boolean;
  /** A copy of `byteLength` bytes at an address. */
  bytesAt(address: number, byteLength: number): Uint8Array;
}

export class Operation {
  readonly kind: OperationKind;
  readonly slot: number;
  readonly generation: number;
  /** Whether this receive completes once. */
  readonly once: boolean;
  /** The pieces of a send. */
  readonly addresses: number[] = [];
  readonly lengths: number[] = [];
  /** Whether the program can take the memory of this send away. */
  borrowed = false;
  /** Whether the kernel has it, and may try it. */
  started = false;
  /** Completions that cannot be dequeued before `visibleAt`: the next one must not overtake them. */
  inTransit = 0;
  visibleAt = 0;

  constructor(kind: OperationKind, slot: number, generation: number, once = false) {
    this.kind = kind;
    this.slot = slot;
    this.generation = generation;
    this.once = once;
  }

  get byteLength(): number {
    return this.lengths.reduce((sum, length) => sum + length, 0);
  }
}
