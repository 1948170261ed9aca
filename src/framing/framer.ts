/** The bytes of one connection on their way to messages: an incomplete message waits here for the rest of it. */

import type { Buffer } from 'node:buffer';
import { assert } from '../base/assert.js';
import { allocateFramed } from './framed-memory.js';
import { type Emit, FRAME_BYTES_MAX, type Framing, tooLarge } from './framing.js';

/** The first allocation for an incomplete message. */
const REST_BYTES_FIRST = 512;

function outside(): boolean {
  assert(false, 'A framing emitted a message outside of decode');
}

/**
 * The work is linear in the bytes received, however they are fragmented: each byte is copied a constant number of times, and
 * `decode` is told which bytes it has seen before.
 */
export class Framer<Message> {
  readonly #framing: Framing<Message, never>;
  /** The most bytes of an incomplete message. */
  readonly frameBytesMax: number;
  /** Holds the bytes that wait, from `#start` to `#end`. Undefined in most idle connections. */
  #rest: Buffer | undefined;
  #start = 0;
  #end = 0;
  /** The first bytes of those that wait which `decode` has seen without finding a message in them. */
  #seenBytes = 0;
  #stopped = false;
  /** The `emit` of the call of `push` or `proceed` that is under way. */
  #sink: Emit<Message> = outside;

  constructor(framing: Framing<Message, never>) {
    this.#framing = framing;
    this.frameBytesMax = framing.frameBytesMax ?? FRAME_BYTES_MAX;
  }

  /** Bytes that wait for more of their message. */
  get pendingBytes(): number {
    return this.#end - this.#start;
  }

  /** Memory that is held for them. */
  get memoryBytes(): number {
    return this.#rest === undefined ? 0 : this.#rest.length;
  }

  /** Whether messages may wait because `emit` returned false: `proceed` decodes them. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /**
   * Decodes the bytes that wait and then `bytes`.
   * @returns whether a message was completed
   * @throws FramingError, or what the framing throws
   */
  push(bytes: Buffer, emit: Emit<Message>): boolean {
    if (this.#rest !== undefined) {
      this.#append(bytes);
      return this.#decodeRest(emit);
    }
    const taken = this.#decode(bytes, 0, emit);
    if (taken < bytes.length) {
      this.#append(bytes.subarray(taken));
      this.#left();
    }
    return taken > 0;
  }

  /** Decodes the bytes that wait, after a stop. @returns whether a message was completed */
  proceed(emit: Emit<Message>): boolean {
    this.#stopped = false;
    return this.#rest !== undefined && this.#decodeRest(emit);
  }

  /** Drops the bytes that wait: nobody wants their messages. */
  clear(): void {
    this.#rest = undefined;
    this.#start = 0;
    this.#end = 0;
  }

  #decodeRest(emit: Emit<Message>): boolean {
    const rest = this.#rest as Buffer;
    const taken = this.#decode(rest.subarray(this.#start, this.#end), this.#seenBytes, emit);
    if (this.#rest === undefined) {
      // A handler has closed the connection.
      return taken > 0;
    }
    this.#start += taken;
    if (this.#start === this.#end) {
      this.clear();
    } else {
      if (this.#start >= this.pendingBytes) {
        // What is copied is no more than what was taken since the last copy. A small rest keeps no large memory.
        this.#move(this.pendingBytes);
      }
      this.#left();
    }
    return taken > 0;
  }

  #decode(bytes: Buffer, seenBytes: number, emit: Emit<Message>): number {
    this.#stopped = false;
    this.#sink = emit;
    let taken: number;
    try {
      taken = this.#framing.decode(bytes, this.#emit, seenBytes);
    } finally {
      this.#sink = outside;
    }
    assert(Number.isInteger(taken) && taken >= 0 && taken <= bytes.length, 'A framing took more bytes than there are');
    return taken;
  }

  readonly #emit: Emit<Message> = (message) => {
    assert(!this.#stopped, 'A framing emitted a message though it was told to stop');
    const goesOn = this.#sink(message);
    this.#stopped = !goesOn;
    return goesOn;
  };

  /** Bytes are left after decoding. Without a stop they are one incomplete message. */
  #left(): void {
    this.#seenBytes = this.#stopped ? 0 : this.pendingBytes;
    if (!this.#stopped && this.pendingBytes > this.frameBytesMax) {
      throw tooLarge(this.pendingBytes, this.frameBytesMax);
    }
  }

  #append(bytes: Buffer): void {
    if (this.#rest === undefined || this.#end + bytes.length > this.#rest.length) {
      this.#move(this.pendingBytes + bytes.length);
    }
    bytes.copy(this.#rest as Buffer, this.#end);
    this.#end += bytes.length;
  }

  /**
   * Moves what waits to new memory with room for `length` bytes: messages are views of the old memory, and may be on their
   * way to somebody else. Memory doubles as a message grows, up to the longest one.
   */
  #move(length: number): void {
    const old = this.#rest;
    const doubled = Math.min(2 * this.pendingBytes, this.frameBytesMax);
    const rest = allocateFramed(Math.max(REST_BYTES_FIRST, length, doubled));
    old?.copy(rest, 0, this.#start, this.#end);
    this.#rest = rest;
    this.#end -= this.#start;
    this.#start = 0;
  }
}
