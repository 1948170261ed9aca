/** The free receive buffers, for a driver that chooses a buffer when data has arrived. */

import { assert } from '../../base/assert.js';
import type { ReceiveBuffers } from '../driver.js';

export class FreeBuffers {
  /** Bytes of each buffer. */
  readonly sizeBytes: number;
  /** The memory of all buffers. */
  readonly memory: Uint8Array;
  readonly #address: number;
  readonly #strideBytes: number;
  /** A stack: the buffer that was freed last is the likeliest to be in the processor's cache. */
  readonly #free: Int32Array;
  count = 0;

  constructor(buffers: ReceiveBuffers) {
    this.sizeBytes = buffers.sizeBytes;
    this.memory = buffers.memory;
    this.#address = buffers.address;
    this.#strideBytes = buffers.strideBytes;
    this.#free = new Int32Array(buffers.count);
    for (let index = buffers.count - 1; index >= 0; index--) {
      this.give(index);
    }
  }

  give(index: number): void {
    this.#free[this.count++] = index;
  }

  /** Address of the buffer that the next `take` returns. */
  nextAddress(): number {
    return this.#address + this.nextOffset();
  }

  /** Offset of that buffer in `memory`. */
  nextOffset(): number {
    assert(this.count > 0);
    return (this.#free[this.count - 1] as number) * this.#strideBytes;
  }

  take(): number {
    return this.#free[--this.count] as number;
  }
}
