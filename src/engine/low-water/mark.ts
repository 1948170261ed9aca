/** The receive low-water mark of one connection: of one with a framing, which knows what it waits for, or of a stream. */

import type { ConnectionRecord } from '../connection-core/record.js';
import { STOPPED } from '../connection-core/state.js';

const KIB = 1024;
const MIB = 1024 * KIB;

/** The mark that holds nothing back. */
export const NO_MARK = 1;

/** A mark of fewer bytes saves less than setting it costs. */
export const MARK_BYTES_LEAST = 64 * KIB;

/**
 * A mark is lowered when nothing has arrived above it for this time, in ms: after that, the engine sees the bytes of a slow
 * peer, and its silence.
 */
const MESSAGE_MS = 50;

/** A peer that sends less than this in that time has no mark for the rest of its message. */
const SLOW_BYTES = 32 * KIB;

export class Mark {
  readonly connection: ConnectionRecord;
  /** The mark that the system has, and the one that it is to get. */
  bytes = NO_MARK;
  wanted = NO_MARK;
  /** Whether it is on the list of marks to set. */
  noted = false;
  /** When bytes were received last. */
  protected receivedAt = 0;
  /** The bytes that the message lacked when the peer turned out to be slow, or lacks. */
  #missingBytes = 0;
  #slow = false;

  constructor(connection: ConnectionRecord) {
    this.connection = connection;
  }

  protected get bytesMax(): number {
    return this.connection.group.limits.receiveLowWaterBytesMax;
  }

  /** When it is to be lowered unless bytes are received. */
  get dueAt(): number {
    return this.receivedAt + MESSAGE_MS;
  }

  /** Whether it must learn of the end of the message. */
  get concerned(): boolean {
    return this.wanted !== NO_MARK || this.#slow;
  }

  /** The message lacks so many bytes; 0 if that is not known, or there is none. */
  awaits(missingBytes: number, now: number): void {
    this.receivedAt = now;
    if (this.#slow) {
      const received = this.#missingBytes - missingBytes;
      this.#slow = missingBytes > 0 && received >= 0 && received < SLOW_BYTES;
    }
    if (!this.#slow) {
      this.#missingBytes = missingBytes;
    }
    this.wanted = this.#slow || missingBytes < MARK_BYTES_LEAST ? NO_MARK : Math.min(missingBytes, this.bytesMax);
  }

  /** Nothing was received in time. */
  gaveUp(): void {
    this.wanted = NO_MARK;
    this.#slow = true;
  }
}

/** The time after which bytes below a mark are delivered, in ms. */
const STREAM_MS = 1;

/** A stream has a mark after this many bytes, received at STREAM_RATE or faster. */
const STREAM_BYTES = MIB;
const STREAM_RATE_BYTES_PER_MS = 512 * KIB;

/** Each mark that had to be lowered makes the next one come later by this factor, up to STREAM_BYTES_MOST. */
const LATER = 4;
const STREAM_BYTES_MOST = 1024 * MIB;

/** After this many bytes with a mark, the next one comes early again. */
const STREAM_PROVEN_BYTES = 16 * MIB;

/** A connection that writes more than this share of what it reads answers: its peer may wait for the answer. */
const ANSWER_SHARE = 1 / 16;

/** The mark of a connection without framing. Nobody knows where its bytes end, so it has a mark only in a fast stream. */
export class StreamMark extends Mark {
  #startedAt = 0;
  #streamBytes = 0;
  #writtenBefore = 0;
  /** Bytes after which a stream gets its mark. */
  #bytesNeeded = STREAM_BYTES;

  override get dueAt(): number {
    return this.receivedAt + STREAM_MS;
  }

  streamed(byteLength: number, now: number): void {
    if (this.wanted === NO_MARK && now - this.receivedAt > STREAM_MS) {
      this.#start(now);
    }
    this.receivedAt = now;
    this.#streamBytes += byteLength;
    if (this.wanted !== NO_MARK) {
      if (this.#streamBytes >= STREAM_PROVEN_BYTES) {
        this.#bytesNeeded = STREAM_BYTES;
      }
      return;
    }
    if (this.#streamBytes < this.#bytesNeeded) {
      return;
    }
    const fast = this.#streamBytes >= STREAM_RATE_BYTES_PER_MS * (now - this.#startedAt);
    const answers = this.#written() - this.#writtenBefore > this.#streamBytes * ANSWER_SHARE;
    this.#start(now);
    if (fast && !answers) {
      this.wanted = this.bytesMax;
    }
  }

  #written(): number {
    return this.connection.bytesWritten + this.connection.queuedBytes;
  }

  #start(now: number): void {
    this.#startedAt = now;
    this.#streamBytes = 0;
    this.#writtenBefore = this.#written();
  }

  override gaveUp(): void {
    this.wanted = NO_MARK;
    if ((this.connection.flags & STOPPED) === 0) {
      this.#bytesNeeded = Math.min(this.#bytesNeeded * LATER, STREAM_BYTES_MOST);
    }
    this.#start(this.receivedAt);
  }
}
