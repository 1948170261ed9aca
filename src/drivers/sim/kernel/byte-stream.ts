/**
 * One direction of a connection. Its bytes are written by the sender, arrive after a while, and are read: three counts
 * that follow each other. What arrived and has no room at the receiver stays the sender's, as TCP's window has it.
 */

import { Fifo } from '../../../base/fifo.js';

export class ByteStream {
  /** Bytes between `read` and `written`, as they were sent. */
  #chunks = new Fifo<Uint8Array>();
  /** Bytes of the first chunk that are read. */
  #skip = 0;
  written = 0;
  arrived = 0;
  read = 0;
  /** The sender has ended it, and that has arrived. */
  ended = false;
  endArrived = false;
  /** Bytes, or an end, are on their way until then: what follows must not overtake them. */
  inTransit = 0;
  lastArrivalAt = 0;

  /** Bytes that can be read. */
  get readable(): number {
    return this.arrived - this.read;
  }

  /** Whether everything is read, and no more comes. */
  get atEnd(): boolean {
    return this.endArrived && this.read === this.written;
  }

  /** Bytes that are the receiver's, whose buffer has room for `receiveCapacity`. */
  accepted(receiveCapacity: number): number {
    return Math.min(this.arrived, this.read + receiveCapacity);
  }

  /** Bytes that the sender's buffer of `sendCapacity` has room for. */
  room(sendCapacity: number, receiveCapacity: number): number {
    return Math.max(0, sendCapacity - (this.written - this.accepted(receiveCapacity)));
  }

  /** Takes bytes over: nobody else may change them. */
  append(bytes: Uint8Array): void {
    this.#chunks.push(bytes);
    this.written += bytes.byteLength;
  }

  /** Reads `byteLength` bytes, at most `readable`, to `target`. */
  readInto(target: Uint8Array, offset: number, byteLength: number): void {
    let left = byteLength;
    let at = offset;
    while (left > 0) {
      const chunk = this.#chunks.first;
      const part = Math.min(left, chunk.byteLength - this.#skip);
      target.set(chunk.subarray(this.#skip, this.#skip + part), at);
      at += part;
      left -= part;
      this.#skip += part;
      if (this.#skip === chunk.byteLength) {
        this.#skip = 0;
        this.#chunks.shift();
      }
    }
    this.read += byteLength;
  }

  /** Forgets what is not read. */
  discard(): void {
    this.#chunks = new Fifo();
    this.#skip = 0;
    this.arrived = this.written;
    this.read = this.written;
  }
}
