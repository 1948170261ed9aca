/** The bytes that go over a connection, known from their place in the stream alone: each that comes back is compared. */

import { following } from '../park-miller.js';
import { LENGTH_BYTES } from '../servers/roles.js';

/** The longest piece that is sent or received at once. */
export const PIECE_BYTES_MAX = 256 * 1024;

function fill(bytes: Uint8Array): void {
  let state = 1;
  for (let index = 0; index < bytes.length; index++) {
    state = following(state);
    bytes[index] = state >> 16;
  }
}

/** A stream that repeats after `period` bytes, kept long enough for any piece that begins within the first period. */
export class Stream {
  readonly periodBytes: number;
  readonly #bytes: Buffer;

  constructor(period: Uint8Array) {
    this.periodBytes = period.length;
    this.#bytes = Buffer.alloc(period.length + PIECE_BYTES_MAX, period);
  }

  /** The piece at a place below the period. */
  piece(place: number, byteLength: number): Buffer {
    return this.#bytes.subarray(place, place + byteLength);
  }

  byteAt(place: number): number {
    return this.#bytes[place % this.periodBytes] as number;
  }

  /** The place behind `bytes`, which must be what comes at `place`. */
  passed(bytes: Buffer, place: number): number {
    if (bytes.compare(this.#bytes, place, place + bytes.length) !== 0) {
      const index = bytes.findIndex((byte, offset) => byte !== this.#bytes[place + offset]);
      throw new Error(`Wrong byte: found ${bytes[index]}, wanted ${this.#bytes[place + index]}`);
    }
    return (place + bytes.length) % this.periodBytes;
  }
}

/** A few, and a prime: a message that is lost, comes twice or belongs to another connection is found out. */
const MESSAGES = 13;

/** A stream of messages of one size, each different from the one before. */
export class MessageStream extends Stream {
  readonly sizeBytes: number;
  readonly #messages: readonly Buffer[];

  constructor(sizeBytes: number) {
    const period = Buffer.alloc(MESSAGES * sizeBytes);
    fill(period);
    for (let start = 0; start < period.length && sizeBytes > LENGTH_BYTES; start += sizeBytes) {
      period.writeUInt32BE(sizeBytes - LENGTH_BYTES, start);
    }
    super(period);
    this.sizeBytes = sizeBytes;
    this.#messages = Array.from({ length: MESSAGES }, (_, index) => this.piece(index * sizeBytes, sizeBytes));
  }

  /** Where the stream of a connection begins: they begin with different messages. */
  startOf(connection: number): number {
    return (connection % MESSAGES) * this.sizeBytes;
  }

  /** So many messages from a place on, as one piece. */
  messages(place: number, count: number): Buffer {
    return count === 1 ? (this.#messages[place / this.sizeBytes] as Buffer) : this.piece(place, count * this.sizeBytes);
  }
}

/** Where one connection is in the messages that come back. */
export class MessageReader {
  readonly #messages: MessageStream;
  #place: number;
  /** Bytes of a message of which only a part has come. */
  #partBytes = 0;

  constructor(messages: MessageStream, place: number) {
    this.#messages = messages;
    this.#place = place;
  }

  /** Takes what has come, which must be what comes next; returns how many messages are whole now. */
  take(data: Buffer): number {
    const { sizeBytes } = this.#messages;
    this.#place = this.#messages.passed(data, this.#place);
    const bytes = this.#partBytes + data.length;
    const whole = Math.floor(bytes / sizeBytes);
    this.#partBytes = bytes - whole * sizeBytes;
    return whole;
  }
}

export const MIB = 1024 * 1024;

/** What goes into a server that answers each whole MiB with its last byte: of a period that gives it a new one each time. */
export function inwardStream(): Stream {
  const period = new Uint8Array(251 * 1021);
  fill(period);
  return new Stream(period);
}

/** What comes out of a server that sends without an end: the block that all of them send, again and again. */
export function outwardStream(): Stream {
  return new Stream(Uint8Array.from({ length: 65536 }, (_, index) => index * 7 + (index >> 8)));
}
