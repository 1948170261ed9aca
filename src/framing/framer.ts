/** Turns the received bytes of one connection into messages. The bytes of an incomplete message wait here for the rest of it. */

import type { Buffer } from 'node:buffer';
import { assert } from '../base/assert.js';
import { allocateFramed, keepFramed, releaseFramed, takeSpare } from './framed-memory.js';
import { type Emit, FRAME_BYTES_MAX, type Framing, tooLarge } from './framing.js';

/** The first allocation for an incomplete message. */
const REST_BYTES_FIRST = 512;

/** The memory that a framer may take from the spare memory of earlier messages. Its own allocations are as large as needed. */
interface SpareLimit {
  readonly spareBytesMax: number;
}

function outside(): boolean {
  assert(false, 'A framing emitted a message outside of decode');
}

/**
 * Collects the bytes of messages and decodes them. The work is linear in the bytes received, however they are fragmented:
 * each byte is copied a constant number of times. `decode` gets the number of bytes that it has seen before, and runs only
 * when `bytesNeeded` of its framing have arrived.
 */
export class Framer<Message> {
  readonly #framing: Framing<Message, never>;
  readonly #limit: SpareLimit | undefined;
  /** The most bytes of an incomplete message. */
  readonly frameBytesMax: number;
  /** Contains the bytes that wait, from `#start` to `#end`. Undefined in most idle connections. */
  #rest: Buffer | undefined;
  #start = 0;
  #end = 0;
  /** How many of the waiting bytes `decode` has seen without finding a message in them. */
  #seenBytes = 0;
  /** `decode` is not called while fewer bytes than this wait. */
  #neededBytes = 0;
  #stopped = false;
  /** The `emit` of the call of `push` or `proceed` that is under way. */
  #sink: Emit<Message> = outside;

  constructor(framing: Framing<Message, never>, limit?: SpareLimit) {
    this.#framing = framing;
    this.#limit = limit;
    this.frameBytesMax = framing.frameBytesMax ?? FRAME_BYTES_MAX;
  }

  /** Bytes that wait for the rest of their message. */
  get pendingBytes(): number {
    return this.#end - this.#start;
  }

  /** The memory that contains them. */
  get memoryBytes(): number {
    return this.#rest === undefined ? 0 : this.#rest.length;
  }

  /** Bytes that the waiting message still needs; 0 if there is none, or its framing does not know. */
  get missingBytes(): number {
    return Math.max(0, this.#neededBytes - this.pendingBytes);
  }

  /** Whether messages may wait because `emit` returned false: `proceed` decodes them. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** Whether bytes wait that `decode` has not seen, because its framing needs more of them: `proceed` decodes them anyway. */
  get hasUnseenBytes(): boolean {
    return this.#seenBytes < this.pendingBytes;
  }

  /**
   * Decodes the waiting bytes and then `bytes`.
   * @returns whether a message was completed
   * @throws FramingError, or the error that the framing throws
   */
  push(bytes: Buffer, emit: Emit<Message>): boolean {
    if (this.#rest !== undefined) {
      this.#append(bytes);
      return this.pendingBytes >= this.#neededBytes && this.#decodeRest(emit);
    }
    const taken = this.#decode(bytes, 0, emit);
    if (taken < bytes.length) {
      this.#append(bytes.subarray(taken));
      this.#left();
    }
    return taken > 0;
  }

  /** Decodes the waiting bytes: after a stop, or at the end of the stream. @returns whether a message was completed */
  proceed(emit: Emit<Message>): boolean {
    this.#stopped = false;
    return this.#rest !== undefined && this.#decodeRest(emit);
  }

  /** The message that was emitted last is needed after its handler has returned. */
  keepMemory(): void {
    if (this.#rest !== undefined) {
      keepFramed(this.#rest.buffer);
    }
  }

  /** Drops the waiting bytes. */
  clear(): void {
    this.#rest = undefined;
    this.#start = 0;
    this.#end = 0;
    this.#seenBytes = 0;
    this.#neededBytes = 0;
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
      releaseFramed(rest);
    } else {
      if (this.#start >= this.pendingBytes) {
        this.#neededBytes = 0;
        // No more is copied than was taken since the last copy. A few waiting bytes do not keep a large allocation.
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
    assert(Number.isInteger(taken), 'A framing must return how many bytes it took');
    assert(taken >= 0, 'A framing took less than no bytes');
    assert(taken <= bytes.length, 'A framing took more bytes than there are');
    return taken;
  }

  readonly #emit: Emit<Message> = (message) => {
    assert(!this.#stopped, 'A framing emitted a message after emit had returned false');
    const continues = this.#sink(message);
    this.#stopped = !continues;
    return continues;
  };

  /** Bytes are left after decoding. Without a stop they are one incomplete message. */
  #left(): void {
    this.#neededBytes = 0;
    if (this.#stopped) {
      this.#seenBytes = 0;
      return;
    }
    this.#seenBytes = this.pendingBytes;
    if (this.pendingBytes > this.frameBytesMax) {
      throw tooLarge(this.pendingBytes, this.frameBytesMax);
    }
    if (this.#framing.bytesNeeded) {
      this.#neededBytes = this.#askNeeded();
    }
  }

  /** Asks the framing how many bytes its message needs. The limit holds for the answer too. */
  #askNeeded(): number {
    const rest = this.#rest as Buffer;
    const needed = this.#framing.bytesNeeded?.(rest.subarray(this.#start, this.#end)) ?? 0;
    assert(Number.isInteger(needed), 'A framing must return how many bytes it needs');
    assert(needed >= 0, 'A framing needs less than no bytes');
    if (needed > this.frameBytesMax) {
      throw tooLarge(needed, this.frameBytesMax);
    }
    return needed;
  }

  #append(bytes: Buffer): void {
    if (this.#rest === undefined || this.#end + bytes.length > this.#rest.length) {
      this.#move(this.pendingBytes + bytes.length);
    }
    bytes.copy(this.#rest as Buffer, this.#end);
    this.#end += bytes.length;
  }

  /**
   * Moves the waiting bytes to other memory for `length` bytes. Messages are views of the old one, and the program may still
   * be sending them. The memory doubles as a message grows, up to the longest message. The number of bytes that a framing
   * needs is not allocated at once, unless there is spare memory: a peer could make the server allocate that much by sending
   * a header.
   */
  #move(length: number): void {
    const old = this.#rest;
    const doubled = Math.min(2 * this.pendingBytes, this.frameBytesMax);
    const rest =
      takeSpare(Math.max(length, this.#neededBytes), this.#limit?.spareBytesMax) ??
      allocateFramed(Math.max(REST_BYTES_FIRST, length, doubled));
    if (old !== undefined) {
      old.copy(rest, 0, this.#start, this.#end);
      releaseFramed(old);
    }
    this.#rest = rest;
    this.#end -= this.#start;
    this.#start = 0;
  }
}
