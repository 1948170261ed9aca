/**
 * The bytes that a load sends and expects back: a period of bytes, repeated for ever. The byte at position `p` of a stream
 * is `period[p mod length]`, so a received byte can be checked by its position alone.
 */

import { Buffer } from 'node:buffer';

/** A byte that is not the stream's, with its index in the received bytes. */
export class WrongByte extends Error {
  readonly index: number;
  readonly found: number;
  readonly wanted: number;

  constructor(index: number, found: number, wanted: number) {
    super(`Wrong byte: found ${found}, wanted ${wanted}`);
    this.index = index;
    this.found = found;
    this.wanted = wanted;
  }
}

export class Stream {
  readonly periodBytes: number;
  /** The period, and as much again as the longest piece, so that a piece may start anywhere in the period. */
  readonly #bytes: Buffer;

  /** @param pieceBytesMax the longest piece that is sent or checked at once */
  constructor(period: Uint8Array, pieceBytesMax: number) {
    this.periodBytes = period.length;
    this.#bytes = Buffer.from(new ArrayBuffer(period.length + pieceBytesMax)).fill(period);
  }

  /** A view of the bytes from a place in the period on. */
  piece(place: number, byteLength: number): Buffer {
    return this.#bytes.subarray(place, place + byteLength);
  }

  byteAt(place: number): number {
    return this.#bytes[place % this.periodBytes] as number;
  }

  /** The place `byteLength` bytes after another. */
  after(place: number, byteLength: number): number {
    return (place + byteLength) % this.periodBytes;
  }

  /** The place after `bytes`; throws `WrongByte` if they are not the stream's bytes at `place`. */
  passed(bytes: Buffer, place: number): number {
    if (bytes.compare(this.#bytes, place, place + bytes.length) !== 0) {
      const index = bytes.findIndex((byte, offset) => byte !== this.#bytes[place + offset]);
      throw new WrongByte(index, bytes[index] as number, this.byteAt(place + index));
    }
    return this.after(place, bytes.length);
  }
}

/** A stream of messages of one size. */
export class MessageStream extends Stream {
  readonly sizeBytes: number;
  /** The places at which messages start are multiples of this. */
  readonly #stepBytes: number;
  /** Views of single messages, each made once. */
  readonly #messages: (Buffer | undefined)[];

  constructor(sizeBytes: number, period: Uint8Array, pieceBytesMax: number) {
    super(period, pieceBytesMax);
    this.sizeBytes = sizeBytes;
    this.#stepBytes = period.length % sizeBytes === 0 ? sizeBytes : 1;
    this.#messages = new Array(period.length / this.#stepBytes).fill(undefined);
  }

  /** `count` messages from a place on, as one piece. */
  messages(place: number, count: number): Buffer {
    if (count > 1) {
      return this.piece(place, count * this.sizeBytes);
    }
    const index = place / this.#stepBytes;
    let message = this.#messages[index];
    if (message === undefined) {
      message = this.piece(place, this.sizeBytes);
      this.#messages[index] = message;
    }
    return message;
  }
}
