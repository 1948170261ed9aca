/** Bytes that many connections send: one copy that never moves, referenced by each send until its completion. */

import { Slab } from '../ffi/memory.js';
import { Held } from '../port/held.js';

export class SharedBytes extends Held {
  readonly address: number;
  readonly byteLength: number;
  /** The memory itself, which lives as long as somebody holds this object. */
  readonly #slab: Slab;

  /** @param pieces what follows each other; their maker holds the bytes, with one reference */
  constructor(pieces: readonly (Uint8Array | string)[]) {
    super();
    const bytes = pieces.map((piece) => (typeof piece === 'string' ? Buffer.from(piece) : piece));
    this.byteLength = bytes.reduce((total, piece) => total + piece.byteLength, 0);
    this.#slab = new Slab(Math.max(1, this.byteLength));
    let offset = 0;
    for (const piece of bytes) {
      this.#slab.u8.set(piece, offset);
      offset += piece.byteLength;
    }
    this.address = this.#slab.address;
    this.references = 1;
  }

  /** Nobody sends them any more: the collector has them. */
  protected override returned(): void {}
}
