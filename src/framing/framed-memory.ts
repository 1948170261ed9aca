/**
 * Memory that a framer made to put a message together. Messages are views of it, so a small one that is kept keeps all of
 * it: who keeps messages can see here whose memory it is.
 */

import { Buffer } from 'node:buffer';

/** Marks the memory, on the ArrayBuffer itself: other copies of this package in the process see it too. */
const FRAMED = Symbol.for('overlapped:framed-memory:1');

/** Memory of up to this size is not marked: little is kept by it. */
const UNMARKED_BYTES_MAX = 16 * 1024;

/** Memory of `byteLength` bytes, marked if it is large. */
export function allocateFramed(byteLength: number): Buffer {
  const memory = Buffer.allocUnsafeSlow(byteLength);
  if (byteLength <= UNMARKED_BYTES_MAX) {
    return memory;
  }
  Object.defineProperty(memory.buffer, FRAMED, { value: true });
  return memory;
}

/** Whether a framer made the memory, and it is large. */
export function isFramed(memory: ArrayBufferLike): boolean {
  return FRAMED in memory;
}
