/** Views of a piece of memory, made directly. */

import { Buffer } from 'node:buffer';

type ViewClass = new (memory: ArrayBufferLike, byteOffset: number, byteLength: number) => Buffer;

/**
 * Node's own class of buffers, which is what `Buffer.prototype.subarray` makes: making one with it costs less than half of
 * what `subarray` or `Buffer.from` do.
 */
const View = (Buffer as unknown as { readonly [Symbol.species]: ViewClass })[Symbol.species];

export class BufferViews {
  readonly #memory: ArrayBufferLike;
  readonly #start: number;

  /** @param bytes that the views are parts of */
  constructor(bytes: Uint8Array) {
    this.#memory = bytes.buffer;
    this.#start = bytes.byteOffset;
  }

  /** A view of `byteLength` bytes from `offset` on, which must be there. */
  at(offset: number, byteLength: number): Buffer {
    return new View(this.#memory, this.#start + offset, byteLength);
  }
}
