/**
 * One direction of a connection. The sender writes bytes, which arrive later and are then read: three counts. Bytes
 * that have arrived but have no room at the receiver stay in the sender's buffer, as with TCP's window.
 */

import { Fifo } from '../../../base/fifo.js';

export class ByteStream {
  /** The bytes from `read` to `written`. */
  #chunks = new Fifo<Uint8Array>();
  /** Number of bytes of the first chunk that are read. */
  #skip = 0;
  written = 0;
  arrived = 0;
  read = 0;
  /** The sender has ended the stream. */
  ended = false;
  /** The end has arrived. */
  endArrived = false;
  /** Deliveries in transit, the last of which arrives at `lastArrivalAt`: later ones must not overtake them. */
  inTransit = 0;
  lastArrivalAt = 0;

  /** Number of bytes that can be read. */
  get readable(): number {
    return this.arrived - this.read;
  }

  /** Whether all bytes are read and the stream has ended. */
  get atEnd(): boolean {
    return this.endArrived && this.read === this.written;
  }

  /** Number of bytes that the receiver, with a buffer of `receiveCapacity` bytes, has accepted. */
  accepted(receiveCapacity: number): number {
    return Math.min(this.arrived, this.read + receiveCapacity);
  }

  /** Number of bytes that the sender's buffer of `sendCapacity` bytes has room for. */
  room(sendCapacity: number, receiveCapacity: number): number {
    return Math.max(0, sendCapacity - (this.written - this.accepted(receiveCapacity)));
  }

  /** Appends bytes, which must not change any more. */
  append(bytes: Uint8Array): void {
    this.#chunks.push(bytes);
    this.written += bytes.byteLength;
  }

  /** Reads `byteLength` bytes, at most `readable`, into `target`. */
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

  /** Discards unread bytes. */
  discard(): void {
    this.#chunks = new Fifo();
    this.#skip = 0;
    this.arrived = this.written;
    this.read = this.written;
  }
}
