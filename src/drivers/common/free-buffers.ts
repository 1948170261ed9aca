/** The receive buffers that are free, for a driver that chooses one when data has arrived. */

import { assert } from '../../base/assert.js';
import type { ReceiveBuffers } from '../driver.js';

export class FreeBuffers {
  /** Bytes of each. */
  readonly sizeBytes: number;
  /** The memory of all of them. */
  readonly memory: Uint8Array;
  readonly #address: number;
  readonly #strideBytes: number;
  /** The last one given on top: it is the likeliest to be in the processor's cache. */
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

  /** The address of the buffer that `take` will take. */
  nextAddress(): number {
    return this.#address + this.nextOffset();
  }

  /** Where that buffer begins in `memory`. */
  nextOffset(): number {
    assert(this.count > 0);
    return (this.#free[this.count - 1] as number) * this.#strideBytes;
  }

  take(): number {
    return this.#free[--this.count] as number;
  }
}
