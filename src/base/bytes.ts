/**
 * Reads the bytes that a program passes by their internal slots. `instanceof` refuses typed arrays of another realm (vm
 * contexts, Jest, jsdom), and a subclass or the object itself can redefine the property `length`. The getters of %TypedArray%
 * read the internal slots (ECMAScript, 23.2.3); called through `call` they cost less than the properties.
 */

import { isSharedArrayBuffer } from 'node:util/types';

const TypedArray = Object.getPrototypeOf(Uint8Array.prototype) as object;

function getter<Value>(name: PropertyKey, prototype = TypedArray): (of: unknown) => Value {
  const get = Object.getOwnPropertyDescriptor(prototype, name)?.get as () => Value;
  return Function.prototype.call.bind(get) as (of: unknown) => Value;
}

const tagOf = getter<string | undefined>(Symbol.toStringTag);

/** Whether a value is a Uint8Array of any realm; a Buffer is one. */
export function isBytes(value: unknown): value is Uint8Array {
  return tagOf(value) === 'Uint8Array';
}

/** The number of bytes; 0 when their memory was detached, or was resized to end before them. */
export const lengthOf = getter<number>('length') as (bytes: Uint8Array) => number;

/** Their offset in their memory. */
export const offsetOf = getter<number>('byteOffset') as (bytes: Uint8Array) => number;

/** The memory that contains them. */
export const memoryOf = getter<ArrayBufferLike>('buffer') as (bytes: Uint8Array) => ArrayBufferLike;

/** A view of `byteLength` bytes from `offset` on, which must exist. */
export function partOf(bytes: Uint8Array, offset: number, byteLength: number): Uint8Array {
  return new Uint8Array(memoryOf(bytes), offsetOf(bytes) + offset, byteLength);
}

const byteLengthOf = getter<number>('byteLength', ArrayBuffer.prototype);

/** Whether threads share the memory of bytes: then it cannot be detached, and never shrinks. */
export function isShared(bytes: Uint8Array): boolean {
  return isSharedArrayBuffer(memoryOf(bytes));
}

/** Another view of the same bytes, which the program does not have. */
export function ownView(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(memoryOf(bytes), offsetOf(bytes), lengthOf(bytes));
}

/** Bytes whose memory the program can detach or shrink; `isIntact` notices that. Their memory must not be shared. */
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
   * Whether all bytes still exist. Reads the length of the memory, not of the view: V8's optimized code has returned the length
   * that a view had before its memory was detached (seen on Node 20). The view keeps it, while the length of the memory
   * becomes 0.
   */
  get isIntact(): boolean {
    return byteLengthOf(this.#memory) >= this.#end;
  }
}
