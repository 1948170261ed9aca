/**
 * Memory that a framer has allocated for messages that arrive in parts. Messages are views of it, so a small message that
 * waits to be sent keeps all of it. The write queue recognizes such memory by its mark, and copies small messages.
 */

import { Buffer } from 'node:buffer';

/** The mark is on the ArrayBuffer itself, so other copies of this package in the process see it too. */
const FRAMED = Symbol.for('overlapped:framed-memory:1');

/** Memory of up to this size is not marked: messages of that size are always copied. */
const UNMARKED_BYTES_MAX = 16 * 1024;

/** Allocates memory, and marks it if it is large. */
export function allocateFramed(byteLength: number): Buffer {
  const memory = Buffer.allocUnsafeSlow(byteLength);
  if (byteLength <= UNMARKED_BYTES_MAX) {
    return memory;
  }
  Object.defineProperty(memory.buffer, FRAMED, { value: true });
  return memory;
}

/** Whether a framer has allocated the memory and marked it. */
export function isFramed(memory: ArrayBufferLike): boolean {
  return FRAMED in memory;
}
