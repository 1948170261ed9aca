/**
 * FIFO queue of 32-bit integers in a ring that grows and never shrinks. It is for numbers of slots, sockets and buffers on the
 * hot path: an entry allocates nothing and is nothing for the garbage collector to visit, unlike one of Fifo.
 */

export class Int32Queue {
  #ring = new Int32Array(256);
  #mask = 255;
  #head = 0;
  #tail = 0;

  get length(): number {
    return (this.#tail - this.#head) | 0;
  }

  push(value: number): void {
    if (this.length > this.#mask) {
      this.#grow();
    }
    this.#ring[this.#tail & this.#mask] = value;
    this.#tail = (this.#tail + 1) | 0;
  }

  /** The oldest entry. The queue must not be empty. */
  shift(): number {
    const value = this.#ring[this.#head & this.#mask] as number;
    this.#head = (this.#head + 1) | 0;
    return value;
  }

  #grow(): void {
    const larger = new Int32Array(2 * this.#ring.length);
    const count = this.length;
    for (let index = 0; index < count; index++) {
      larger[index] = this.#ring[(this.#head + index) & this.#mask] as number;
    }
    this.#ring = larger;
    this.#mask = larger.length - 1;
    this.#head = 0;
    this.#tail = count;
  }
}
