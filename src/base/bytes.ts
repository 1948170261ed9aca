/**
 * Bytes that a program passes, read by what they are and not by what they say. `instanceof` refuses the arrays of another
 * realm (vm contexts, Jest, jsdom), and a property named `length` can be anything: of a subclass, or of the object itself.
 * The getters of %TypedArray% look at the internal slots (ECMAScript, 23.2.3). Called through `call` they cost less than
 * the properties do.
 */

import { isSharedArrayBuffer } from 'node:util/types';

const TypedArray = Object.getPrototypeOf(Uint8Array.prototype) as object;

function getter<Value>(name: PropertyKey, prototype = TypedArray): (of: unknown) => Value {
  const get = Object.getOwnPropertyDescriptor(prototype, name)?.get as () => Value;
  return Function.prototype.call.bind(get) as (of: unknown) => Value;
}

const tagOf = getter<string | undefined>(Symbol.toStringTag);

/** Whether a value is a Uint8Array, of any realm; a Buffer is one. */
export function isBytes(value: unknown): value is Uint8Array {
  return tagOf(value) === 'Uint8Array';
}

/** The number of bytes; 0 when their memory was detached, or ends before they do. */
export const lengthOf = getter<number>('length') as (bytes: Uint8Array) => number;

/** Where they begin in their memory. */
export const offsetOf = getter<number>('byteOffset') as (bytes: Uint8Array) => number;

/** The memory that they are a part of. */
export const memoryOf = getter<ArrayBufferLike>('buffer') as (bytes: Uint8Array) => ArrayBufferLike;

/** A view of `byteLength` of the bytes, from `offset` on. They must be there. */
export function partOf(bytes: Uint8Array, offset: number, byteLength: number): Uint8Array {
  return new Uint8Array(memoryOf(bytes), offsetOf(bytes) + offset, byteLength);
}

const byteLengthOf = getter<number>('byteLength', ArrayBuffer.prototype);

/** Whether the memory of bytes is shared by threads: it cannot be detached, and never shrinks. */
export function isShared(bytes: Uint8Array): boolean {
  return isSharedArrayBuffer(memoryOf(bytes));
}

/** A view of the same bytes that is nobody else's. */
export function ownView(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(memoryOf(bytes), offsetOf(bytes), lengthOf(bytes));
}

/** Bytes whose memory the program can detach or shrink, which is seen here. It must not be shared. */
export class BorrowedBytes {
  readonly view: Uint8Array;
  readonly #memory: ArrayBufferLike;
  readonly #end: number;

  constructor(view: Uint8Array) {
    this.view = view;
    this.#memory = memoryOf(view);
    this.#end = offsetOf(view) + lengthOf(view);
  }

  /**
   * Whether they are all there. The memory is asked, as V8's optimized code has answered with the length that a view had
   * before its memory was detached (seen on Node 20): it is kept in the view, while the memory's own is set to 0.
   */
  get isIntact(): boolean {
    return byteLengthOf(this.#memory) >= this.#end;
  }
}
