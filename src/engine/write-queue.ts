/**
 * What a connection has written and not yet posted: pieces in order, in batches of which each becomes one send. Text and
 * small bytes are copied into chunks, where what follows each other in memory is one piece; larger bytes stay where they
 * are; views of receive buffers keep their buffer.
 */

import { GATHER_PIECES_MAX } from '../drivers/driver.js';
import type { CompletionPort } from '../port/completion-port.js';
import { Pieces } from '../port/send-memory.js';
import { CHUNK_BYTES, type WriteChunk, type WriteChunks } from './write-chunks.js';

/** Bytes of up to this size are copied: less work than asking for their address. */
const COPY_BYTES_MAX = 1024;

/** Bytes of one send at the most: its completion is how a slow peer's progress shows. */
export const SEND_BYTES_MAX = 256 * 1024;

/** UTF-8 bytes of one UTF-16 unit at the most. */
const UTF8_BYTES_PER_UNIT_MAX = 3;

export class WriteQueue {
  readonly #port: CompletionPort;
  readonly #chunks: WriteChunks;
  #batches: Pieces[] = [];
  /** The batch that is appended to. */
  #last: Pieces | undefined;
  /** The chunk that is appended to: one holder is this queue. */
  #chunk: WriteChunk | undefined;

  constructor(port: CompletionPort, chunks: WriteChunks) {
    this.#port = port;
    this.#chunks = chunks;
  }

  get empty(): boolean {
    return this.#batches.length === 0;
  }

  /** Appends bytes. */
  addBytes(bytes: Uint8Array): void {
    const { byteLength } = bytes;
    if (this.#port.isLent(bytes)) {
      // A short pool needs its buffers more than the processor needs its time.
      this.#addWhole(this.#port.poolShort ? Buffer.from(bytes) : bytes);
    } else if (byteLength <= COPY_BYTES_MAX) {
      const chunk = this.#chunkWith(byteLength);
      chunk.memory.set(bytes, chunk.used);
      this.#addCopied(chunk, byteLength);
    } else {
      this.#addWhole(bytes);
    }
  }

  /** Appends text as UTF-8; returns its bytes. */
  addText(text: string): number {
    const most = text.length * UTF8_BYTES_PER_UNIT_MAX;
    if (most > CHUNK_BYTES) {
      const bytes = Buffer.from(text);
      this.addBytes(bytes);
      return bytes.byteLength;
    }
    const chunk = this.#chunkWith(most);
    const byteLength = chunk.memory.write(text, chunk.used);
    this.#addCopied(chunk, byteLength);
    return byteLength;
  }

  /** The chunk to append to, with room for so many bytes. */
  #chunkWith(byteLength: number): WriteChunk {
    let chunk = this.#chunk;
    if (chunk !== undefined && chunk.used + byteLength <= CHUNK_BYTES) {
      return chunk;
    }
    chunk?.release();
    chunk = this.#chunks.take();
    this.#chunk = chunk;
    return chunk;
  }

  /** Bytes were copied to where the chunk's use ends: they lengthen the piece before them, if that ends there. */
  #addCopied(chunk: WriteChunk, byteLength: number): void {
    const address = chunk.address + chunk.used;
    chunk.used += byteLength;
    const pieces = this.#last;
    if (pieces !== undefined && pieces.byteLength + byteLength <= SEND_BYTES_MAX) {
      const index = pieces.addresses.length - 1;
      if (
        pieces.held[index] === chunk &&
        (pieces.addresses[index] as number) + (pieces.lengths[index] as number) === address
      ) {
        pieces.lengths[index] = (pieces.lengths[index] as number) + byteLength;
        pieces.byteLength += byteLength;
        return;
      }
    }
    chunk.retain();
    this.#batchFor(byteLength).add(address, byteLength, chunk);
  }

  /** Bytes that stay where they are, in as many sends as they need. */
  #addWhole(bytes: Uint8Array): void {
    for (let offset = 0; offset < bytes.byteLength; offset += SEND_BYTES_MAX) {
      const piece = bytes.byteLength <= SEND_BYTES_MAX ? bytes : bytes.subarray(offset, offset + SEND_BYTES_MAX);
      this.#port.gather(this.#batchFor(piece.byteLength), piece);
    }
  }

  /** The batch that takes so many bytes more. */
  #batchFor(byteLength: number): Pieces {
    const last = this.#last;
    if (
      last !== undefined &&
      last.addresses.length < GATHER_PIECES_MAX &&
      last.byteLength + byteLength <= SEND_BYTES_MAX
    ) {
      return last;
    }
    const pieces = new Pieces();
    this.#batches.push(pieces);
    this.#last = pieces;
    return pieces;
  }

  /** Takes the first batch out: it is the caller's to send or to release. */
  take(): Pieces | undefined {
    const pieces = this.#batches.shift();
    if (this.#batches.length === 0) {
      this.#last = undefined;
    }
    return pieces;
  }

  /** Nothing of it will be sent. */
  clear(): void {
    for (const pieces of this.#batches) {
      pieces.release();
    }
    this.#batches = [];
    this.#last = undefined;
    this.rest();
  }

  /** While nothing is written the queue holds no chunk. */
  rest(): void {
    this.#chunk?.release();
    this.#chunk = undefined;
  }
}
