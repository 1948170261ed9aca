/**
 * One write of a stream, of any size, on its way into the queue of a connection. The queue never has more of it than the
 * high-water mark, so that the caps on queues hold for what a peer does not read, and not for what a program writes at once.
 */

import { Buffer } from 'node:buffer';
import { lengthOf, partOf } from '../../base/bytes.js';
import { bufferDetached } from '../../base/errors.js';
import type { ConnectionRecord } from '../connection-core/record.js';
import { highWaterMark, isFull } from '../connection-core/room.js';
import { type Payload, UTF8_BYTES_PER_UNIT_MAX } from '../writing/payload.js';
import { COPY_BYTES_MAX, SEND_BYTES_MAX } from '../writing/write-queue.js';

/** A piece is only split while the queue is at most this share of the high-water mark. */
const ROOM_SHARE = 0.5;

/** With more than this share of the engine's `queuedBytesMax` waiting, streams add little, so that all of them fit. */
const FULL_SHARE = 0.5;
const FULL_BYTES_MAX = 4096;

/** The bytes that a connection takes now; 0 if the write must wait until some are sent. */
function roomOf(connection: ConnectionRecord): number {
  const { queuedBytes, group } = connection;
  const { engine } = group;
  if (engine.writes.queuedBytes > engine.writes.bytesMax * FULL_SHARE) {
    return Math.max(0, Math.min(FULL_BYTES_MAX, highWaterMark(connection)) - queuedBytes);
  }
  return Math.max(0, Math.min(SEND_BYTES_MAX, highWaterMark(connection) - queuedBytes));
}

function lengthOfPayload(piece: Payload): number {
  return typeof piece === 'string' ? piece.length : lengthOf(piece);
}

export class StreamWrite {
  readonly #pieces: Payload[];
  /** Bytes of each, when they were written: fewer later mean that their memory is gone. Text does not use it. */
  readonly #lengths: number[];
  #index = 0;
  /** Bytes of the piece at the index that the connection has. */
  #offset = 0;
  /** Whether the connection may still need memory of the program's. */
  #pinned = false;

  /** @param pieces they are this write's from now on */
  constructor(pieces: Payload[]) {
    this.#pieces = pieces;
    this.#lengths = pieces.map(lengthOfPayload);
  }

  /** Whether the connection has taken everything. */
  get ended(): boolean {
    return this.#index === this.#pieces.length;
  }

  /** Bytes that the connection does not have yet. */
  get bytesLeft(): number {
    let bytes = -this.#offset;
    for (let index = this.#index; index < this.#pieces.length; index++) {
      const piece = this.#pieces[index] as Payload;
      bytes += typeof piece === 'string' ? Buffer.byteLength(piece) : (this.#lengths[index] as number);
    }
    return bytes;
  }

  /** Appends pieces. */
  add(pieces: readonly Payload[]): void {
    this.#pieces.push(...pieces);
    this.#lengths.push(...pieces.map(lengthOfPayload));
  }

  /** The next bytes for the connection; undefined when there are none, or it has no room for them. */
  next(connection: ConnectionRecord): Payload | undefined {
    if (this.ended) {
      return undefined;
    }
    const room = roomOf(connection);
    if (room === 0) {
      return undefined;
    }
    const piece = this.#pieces[this.#index] as Payload;
    if (typeof piece !== 'string') {
      return this.#part(connection, piece, room);
    }
    if (piece.length * UTF8_BYTES_PER_UNIT_MAX <= room) {
      this.#index++;
      return piece;
    }
    // Text cannot be cut without looking at its characters: it becomes bytes first.
    const bytes = Buffer.from(piece);
    this.#pieces[this.#index] = bytes;
    this.#lengths[this.#index] = bytes.length;
    return this.#part(connection, bytes, room);
  }

  /** The next part of bytes. */
  #part(connection: ConnectionRecord, bytes: Uint8Array, room: number): Uint8Array | undefined {
    const offset = this.#offset;
    const left = (this.#lengths[this.#index] as number) - offset;
    if (lengthOf(bytes) !== left + offset) {
      // Passing over it would leave a hole in the stream.
      throw bufferDetached('write');
    }
    if (left > room) {
      if (connection.queuedBytes > highWaterMark(connection) * ROOM_SHARE) {
        return undefined;
      }
      this.#pinned = true;
      this.#offset = offset + room;
      return partOf(bytes, offset, room);
    }
    this.#pinned ||= left > COPY_BYTES_MAX;
    this.#index++;
    this.#offset = 0;
    return offset === 0 ? bytes : partOf(bytes, offset, left);
  }

  /** Whether the write is complete: the program may use its memory again, and there is room for the next write. */
  isTaken(connection: ConnectionRecord): boolean {
    return this.ended && (connection.queuedBytes === 0 || !(this.#pinned || isFull(connection)));
  }
}
