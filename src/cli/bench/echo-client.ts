/**
 * The messages of one connection that an echo server returns: the next ones to send, the check of received bytes, and the time
 * of each message in flight. The command line's load uses it over connections of the engine, the suite in bench/ over the port.
 */

import type { Buffer } from 'node:buffer';
import type { MessageStream } from './stream.js';

export class EchoClient {
  readonly #messages: MessageStream;
  /** Places in the stream: of the next message to send, and of the next byte to receive. */
  #sendPlace: number;
  #receivePlace: number;
  /** Bytes received of a message that is not complete yet. */
  partBytes = 0;
  /** When each message in flight was sent, or was due, in a ring. */
  readonly #sentAt: Float64Array;
  #oldest = 0;
  /** Messages in flight. */
  inFlight = 0;

  /** @param start the place in the stream at which this connection begins */
  constructor(messages: MessageStream, start: number, inFlightMax: number) {
    this.#messages = messages;
    this.#sendPlace = start;
    this.#receivePlace = start;
    this.#sentAt = new Float64Array(inFlightMax);
  }

  /** The next `count` messages as one piece, in flight from the time `at` on. */
  send(count: number, at: number): Buffer {
    const sentAt = this.#sentAt;
    for (let index = 0; index < count; index++) {
      sentAt[(this.#oldest + this.inFlight) % sentAt.length] = at;
      this.inFlight++;
    }
    const bytes = this.#messages.messages(this.#sendPlace, count);
    this.#sendPlace = this.#messages.after(this.#sendPlace, bytes.length);
    return bytes;
  }

  /** Takes bytes, which must be the next ones of the stream. Returns how many messages they complete. */
  take(bytes: Buffer): number {
    this.#receivePlace = this.#messages.passed(bytes, this.#receivePlace);
    const total = this.partBytes + bytes.length;
    const complete = Math.floor(total / this.#messages.sizeBytes);
    this.partBytes = total - complete * this.#messages.sizeBytes;
    return complete;
  }

  /** Removes the oldest message in flight, and returns its time. */
  answered(): number {
    const at = this.#sentAt[this.#oldest] as number;
    this.#oldest = (this.#oldest + 1) % this.#sentAt.length;
    this.inFlight--;
    return at;
  }
}
