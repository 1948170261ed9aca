/**
 * The bytes that the load sends and expects back: one block of pseudo-random bytes, again and again. The byte at
 * position `p` of a stream is `block[p mod PERIOD]`, so what should come is known from the position alone.
 */

import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';

/** A prime, so that a loss or repetition of whole messages or buffers (powers of two, mostly) shifts the pattern. */
export const PERIOD_BYTES = 4093;

/** The generator of Park and Miller: every system makes the same bytes. */
const MULTIPLIER = 48271;
const MODULUS = 2 ** 31 - 1;

function fillBlock(bytes: Uint8Array): void {
  let state = 1;
  for (let index = 0; index < PERIOD_BYTES; index++) {
    state = (state * MULTIPLIER) % MODULUS;
    bytes[index] = state >> 16;
  }
}

export class Pattern {
  /** The block, often enough for a message or a received chunk from any phase on. */
  readonly #bytes: Buffer;
  readonly #messages: (Buffer | undefined)[] = [];
  readonly #messageBytes: number;

  /** @param chunkBytesMax the longest chunk that `matches` is asked about */
  constructor(messageBytes: number, chunkBytesMax: number) {
    this.#messageBytes = messageBytes;
    this.#bytes = Buffer.from(new ArrayBuffer(PERIOD_BYTES + Math.max(messageBytes, chunkBytesMax)));
    fillBlock(this.#bytes);
    for (let filled = PERIOD_BYTES; filled < this.#bytes.length; filled *= 2) {
      this.#bytes.copy(this.#bytes, filled, 0, Math.min(filled, this.#bytes.length - filled));
    }
  }

  /** The message from phase `phase` on: a view that is made once and never changes. */
  message(phase: number): Buffer {
    let message = this.#messages[phase];
    if (message === undefined) {
      message = this.#bytes.subarray(phase, phase + this.#messageBytes);
      this.#messages[phase] = message;
    }
    return message;
  }

  /** Whether the first bytes of `chunk` are what comes from phase `phase` on. */
  matches(chunk: Buffer, byteLength: number, phase: number): boolean {
    return chunk.compare(this.#bytes, phase, phase + byteLength, 0, byteLength) === 0;
  }

  /** Index of the first byte of `chunk` that is not what comes from phase `phase` on. */
  firstDifference(chunk: Buffer, phase: number): number {
    const index = chunk.findIndex((byte, offset) => byte !== this.#bytes[phase + offset]);
    assert(index >= 0);
    return index;
  }

  byteAt(phase: number): number {
    return this.#bytes[phase] as number;
  }
}
