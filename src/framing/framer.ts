/** The bytes of one connection on their way to messages: what a framing has left waits here for what comes next. */

import { assert } from '../assert.js';
import { type Emit, type Framing, tooLarge } from './framing.js';

/** The most bytes that a framing may leave when it names no limit of its own. */
const FRAME_BYTES_MAX = 16 * 1024 * 1024;

/** Room for an incomplete message, at first. */
const REST_BYTES_FIRST = 512;

export class Framer<Message> {
  readonly #framing: Framing<Message, never>;
  readonly #frameBytesMax: number;
  /** Bytes that were not taken yet: the first `#length` of it. None while it is undefined, as in most idle connections. */
  #rest: Buffer | undefined;
  #length = 0;
  #stopped = false;

  constructor(framing: Framing<Message, never>) {
    this.#framing = framing;
    this.#frameBytesMax = framing.frameBytesMax ?? FRAME_BYTES_MAX;
  }

  /** Bytes that wait for more of their message. */
  get pendingBytes(): number {
    return this.#length;
  }

  /** Whether messages may wait because `emit` said to stop: `proceed` goes on with them. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /**
   * Decodes bytes behind those that wait.
   * @throws FramingError, or what the framing throws
   */
  push(bytes: Buffer, emit: Emit<Message>): void {
    if (this.#length === 0) {
      const taken = this.#decode(bytes, emit);
      if (taken < bytes.length) {
        this.#append(bytes.subarray(taken));
      }
    } else {
      this.#append(bytes);
      this.#proceed(emit);
    }
    this.#check();
  }

  /** Goes on with what waits, after a stop. */
  proceed(emit: Emit<Message>): void {
    this.#stopped = false;
    if (this.#length > 0) {
      this.#proceed(emit);
      this.#check();
    }
  }

  #proceed(emit: Emit<Message>): void {
    const rest = this.#rest as Buffer;
    const taken = this.#decode(rest.subarray(0, this.#length), emit);
    if (taken === 0) {
      return;
    }
    // Messages are views of it that may be on their way to somebody else: its memory is not used again.
    const left = rest.subarray(taken, this.#length);
    this.#rest = undefined;
    this.#length = 0;
    if (left.length > 0) {
      this.#append(left);
    }
  }

  #decode(bytes: Buffer, emit: Emit<Message>): number {
    this.#stopped = false;
    const taken = this.#framing.decode(bytes, (message) => {
      assert(!this.#stopped, 'A framing emitted a message though it was told to stop');
      const goesOn = emit(message);
      this.#stopped = !goesOn;
      return goesOn;
    });
    assert(Number.isInteger(taken) && taken >= 0 && taken <= bytes.length, 'A framing took more bytes than there are');
    return taken;
  }

  /** What is left when nothing was stopped is one incomplete message. */
  #check(): void {
    if (!this.#stopped && this.#length > this.#frameBytesMax) {
      throw tooLarge(this.#length, this.#frameBytesMax);
    }
  }

  #append(bytes: Buffer): void {
    const length = this.#length + bytes.length;
    let rest = this.#rest;
    if (rest === undefined || rest.length < length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(REST_BYTES_FIRST, length, 2 * (rest?.length ?? 0)));
      rest?.copy(larger, 0, 0, this.#length);
      rest = larger;
      this.#rest = larger;
    }
    bytes.copy(rest, this.#length);
    this.#length = length;
  }
}
