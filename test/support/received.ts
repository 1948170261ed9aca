/** Received bytes as one buffer. It grows by doubling, as tests ask for all of it at each turn of the event loop. */

export class Received {
  #buffer = Buffer.alloc(0);
  bytes = 0;

  /** Appends a copy of a chunk. */
  add(chunk: Uint8Array): void {
    const bytes = this.bytes + chunk.byteLength;
    if (bytes > this.#buffer.byteLength) {
      const { data } = this;
      this.#buffer = Buffer.allocUnsafeSlow(bytes * 2);
      this.#buffer.set(data);
    }
    this.#buffer.set(chunk, this.bytes);
    this.bytes = bytes;
  }

  /** All bytes so far. */
  get data(): Buffer {
    return this.#buffer.subarray(0, this.bytes);
  }
}
