/**
 * Memory that a framer has allocated for messages that arrive in parts. Messages are views of it, so a small message that
 * waits to be sent keeps all of it. The write queue recognizes such memory by its mark, and copies small messages.
 *
 * A message is valid while its handler runs, so the memory is used again after that: the system fills new memory with zeros
 * page by page, which takes twice the time of copying the message. Whatever needs a message for longer, such as a send, marks
 * its memory as kept, and it is not used again.
 */

import { Buffer } from 'node:buffer';

/** The mark is on the ArrayBuffer itself, so other copies of this package in the process see it too. */
const FRAMED = Symbol.for('overlapped:framed-memory:2');

interface FramedMark {
  kept: boolean;
}

type Marked = ArrayBufferLike & { readonly [FRAMED]?: FramedMark };

/** Memory of up to this size is not marked: messages of that size are always copied. */
const UNMARKED_BYTES_MAX = 16 * 1024;

/** Memory of fewer bytes is not used again, as allocating it costs little. */
const SPARE_BYTES_LEAST = 32 * 1024;

/** The most memory of this thread that waits to be used again. */
const SPARE_BYTES_MAX = 4 * 1024 * 1024;

/** The most pieces of it: programs may transfer memory that waits, which has no bytes then. */
const SPARES_MAX = SPARE_BYTES_MAX / SPARE_BYTES_LEAST;

/** A message takes no spare memory that is more than this many times as large. */
const SPARE_FACTOR_MAX = 8;

/** The debug mode fills released memory with this byte, as it does with receive buffers. */
const POISON = 0xdd;

const spares: Buffer[] = [];
let spareBytes = 0;
let poisoned = false;

/** From now on, memory that is released is overwritten, so that its use shows. */
export function poisonFramedMemory(): void {
  poisoned = true;
}

/** Allocates memory, and marks it if it is large. */
export function allocateFramed(byteLength: number): Buffer {
  const memory = Buffer.allocUnsafeSlow(byteLength);
  if (byteLength <= UNMARKED_BYTES_MAX) {
    return memory;
  }
  const mark: FramedMark = { kept: false };
  Object.defineProperty(memory.buffer, FRAMED, { value: mark });
  return memory;
}

/** Memory of `byteLength` to `bytesMax` bytes that was released before; undefined if there is none. */
export function takeSpare(byteLength: number, bytesMax = Infinity): Buffer | undefined {
  if (byteLength < SPARE_BYTES_LEAST) {
    return undefined;
  }
  const most = Math.min(SPARE_FACTOR_MAX * byteLength, bytesMax);
  for (let index = spares.length - 1; index >= 0; index--) {
    const { length } = spares[index] as Buffer;
    if (length >= byteLength && length <= most) {
      return removeSpare(index);
    }
  }
  return undefined;
}

function removeSpare(index: number): Buffer | undefined {
  const [memory] = spares.splice(index, 1);
  spareBytes = spares.reduce((sum, { length }) => sum + length, 0);
  return memory;
}

/** No framer and no handler needs the memory any more: it is used again, unless it is kept. */
export function releaseFramed(memory: Buffer): void {
  // A program may have transferred it.
  const { length } = memory;
  if (length < SPARE_BYTES_LEAST || length > SPARE_BYTES_MAX || (memory.buffer as Marked)[FRAMED]?.kept !== false) {
    return;
  }
  if (poisoned) {
    memory.fill(POISON);
  }
  while (spareBytes + length > SPARE_BYTES_MAX || spares.length === SPARES_MAX) {
    removeSpare(0);
  }
  spares.push(memory);
  spareBytes += length;
}

/** Whether a framer has allocated the memory and marked it. */
export function isFramed(memory: ArrayBufferLike): boolean {
  return FRAMED in memory;
}

/** Something needs the memory for longer than a handler runs. */
export function keepFramed(memory: ArrayBufferLike): void {
  const mark = (memory as Marked)[FRAMED];
  if (mark !== undefined) {
    mark.kept = true;
  }
}
