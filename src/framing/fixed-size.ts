/** Messages that all have the same size. */

import type { Buffer } from 'node:buffer';
import { BufferViews } from '../base/buffer-views.js';
import { checkNumber } from '../base/validate.js';
import { type Emit, type Framing, invalid } from './framing.js';

class FixedSize implements Framing<Buffer, Uint8Array> {
  readonly frameBytesMax: number;

  constructor(messageBytes: number) {
    this.frameBytesMax = messageBytes;
  }

  decode(bytes: Buffer, emit: Emit<Buffer>): number {
    const size = this.frameBytesMax;
    const views = new BufferViews(bytes);
    let taken = 0;
    while (taken + size <= bytes.length) {
      const message = views.at(taken, size);
      taken += size;
      if (!emit(message)) {
        break;
      }
    }
    return taken;
  }

  bytesNeeded(): number {
    return this.frameBytesMax;
  }

  encode(message: Uint8Array): Uint8Array {
    if (message.byteLength !== this.frameBytesMax) {
      throw invalid(`A message has ${message.byteLength} bytes, expected ${this.frameBytesMax}`);
    }
    return message;
  }
}

/**
 * A framing of messages that all have the same size.
 * @param messageBytes 1 to 2^31
 * @throws TypeError `ERR_INVALID_ARG_TYPE`; RangeError `ERR_OUT_OF_RANGE`
 */
export function fixedSize(messageBytes: number): Framing<Buffer, Uint8Array> {
  checkNumber('messageBytes', messageBytes, { least: 1, most: 2 ** 31, whole: true });
  return new FixedSize(messageBytes);
}
