/** Bytes that many connections send: one copy that never moves, referenced by each send until its completion. */

import { addressOfBytes } from '../ffi/library.js';
import { Slab } from '../ffi/memory.js';
import { Held } from '../port/held.js';
import { joinPieces, type Payload } from './payload.js';

export class SharedBytes extends Held {
  readonly address: number;
  readonly byteLength: number;
  /** Lives as long as somebody holds this object, and does not move meanwhile. */
  readonly memory: Uint8Array;

  /** @param memory all of it is sent; whoever makes this holds it, with one reference */
  constructor(memory: Uint8Array) {
    super();
    this.memory = memory;
    this.byteLength = memory.byteLength;
    this.address = addressOfBytes(memory);
    this.references = 1;
  }

  /** Pieces that follow each other, copied. */
  static of(pieces: readonly Payload[]): SharedBytes {
    return new SharedBytes(joinPieces(pieces, slabBytes));
  }

  /** Nobody sends them any more: the collector has them. */
  protected override returned(): void {}
}

function slabBytes(byteLength: number): Uint8Array {
  return new Slab(Math.max(1, byteLength)).u8.subarray(0, byteLength);
}
