/**
 * What a connection has written and not yet posted. Text and small bytes are copied into chunks, where what follows each
 * other in memory is one piece; larger bytes stay where they are; views of receive buffers keep their buffer. Most
 * connections write one piece in a turn: it needs no list.
 */

import { Buffer } from 'node:buffer';
import { GATHER_PIECES_MAX } from '../drivers/driver.js';
import type { PoolBuffer } from '../port/buffer-pool.js';
import type { CompletionPort } from '../port/completion-port.js';
import { Held } from '../port/held.js';
import { type PieceSink, Pieces } from '../port/send-memory.js';
import type { OverlappedSocket } from '../port/socket.js';
import type { SharedBytes } from './shared-bytes.js';
import { CHUNK_BYTES, type WriteChunk, type WriteChunks } from './write-chunks.js';

/** Bytes of up to this size are copied: less work than asking for their address. */
export const COPY_BYTES_MAX = 1024;

/** Bytes of one send at the most: where the system does not tell, its completion is how a slow peer's progress shows. */
export const SEND_BYTES_MAX = 256 * 1024;

/** UTF-8 bytes of one UTF-16 unit at the most. */
const UTF8_BYTES_PER_UNIT_MAX = 3;

export class WriteQueue implements PieceSink {
  readonly #port: CompletionPort;
  readonly #chunks: WriteChunks;
  /** The first piece, while it is the only one; no bytes when there is none. */
  #address = 0;
  #byteLength = 0;
  #held: unknown = undefined;
  /** Once there is a second piece: all of them, in batches of which each becomes one send. */
  #batches: Pieces[] | undefined;
  /** The chunk that is appended to: one holder is this queue. */
  #chunk: WriteChunk | undefined;
  /** How far sending was at the last look, see `sendProgress` of the port; undefined before the first. */
  progress: number | undefined = undefined;

  constructor(port: CompletionPort, chunks: WriteChunks) {
    this.#port = port;
    this.#chunks = chunks;
  }

  get empty(): boolean {
    return this.#byteLength === 0 && this.#batches === undefined;
  }

  /** Appends the first bytes of a receive buffer, which it keeps. */
  addLent(buffer: PoolBuffer, byteLength: number): void {
    buffer.retain();
    this.add(buffer.address, byteLength, buffer);
  }

  /** Appends bytes that others send too; each piece keeps them. */
  addShared(shared: SharedBytes): void {
    for (let offset = 0; offset < shared.byteLength; offset += SEND_BYTES_MAX) {
      this.#append(shared.address + offset, Math.min(SEND_BYTES_MAX, shared.byteLength - offset), shared.holder);
    }
  }

  /** Appends bytes. */
  addBytes(bytes: Uint8Array): void {
    const byteLength = bytes.length;
    if (byteLength <= COPY_BYTES_MAX) {
      const chunk = this.#chunkWith(byteLength);
      chunk.memory.set(bytes, chunk.used);
      this.#addCopied(chunk, byteLength);
    } else {
      // A short pool needs its buffers more than the processor needs its time.
      this.#addWhole(this.#port.poolShort && this.#port.isLent(bytes) ? Buffer.from(bytes) : bytes);
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

  /** Bytes were copied to where the chunk's use ends. */
  #addCopied(chunk: WriteChunk, byteLength: number): void {
    const address = chunk.address + chunk.used;
    chunk.used += byteLength;
    this.#append(address, byteLength, chunk);
  }

  /** Appends bytes that `holder` keeps: they lengthen the piece before them, if that ends where they begin. */
  #append(address: number, byteLength: number, holder: Held): void {
    if (this.#batches === undefined) {
      const length = this.#byteLength + byteLength;
      if (this.#held === holder && this.#address + this.#byteLength === address && length <= SEND_BYTES_MAX) {
        this.#byteLength = length;
        return;
      }
    } else if (this.#batches.at(-1)?.lengthen(address, byteLength, holder, SEND_BYTES_MAX) === true) {
      return;
    }
    holder.retain();
    this.add(address, byteLength, holder);
  }

  /** Bytes that stay where they are, in as many sends as they need. */
  #addWhole(bytes: Uint8Array): void {
    if (bytes.length <= SEND_BYTES_MAX) {
      this.#port.gather(this, bytes);
      return;
    }
    for (let offset = 0; offset < bytes.length; offset += SEND_BYTES_MAX) {
      this.#port.gather(this, bytes.subarray(offset, offset + SEND_BYTES_MAX));
    }
  }

  /** @internal Appends a piece that is held already. */
  add(address: number, byteLength: number, held: unknown): void {
    if (this.empty) {
      this.#address = address;
      this.#byteLength = byteLength;
      this.#held = held;
    } else {
      this.#batchFor(byteLength).add(address, byteLength, held);
    }
  }

  /** The batch that takes so many bytes more. */
  #batchFor(byteLength: number): Pieces {
    const batches = this.#listed();
    const last = batches.at(-1);
    if (last !== undefined && last.count < GATHER_PIECES_MAX && last.byteLength + byteLength <= SEND_BYTES_MAX) {
      return last;
    }
    const pieces = new Pieces();
    batches.push(pieces);
    return pieces;
  }

  /** The list of batches, with the first piece in it. */
  #listed(): Pieces[] {
    if (this.#batches === undefined) {
      this.#batches = [];
      if (this.#byteLength > 0) {
        const pieces = new Pieces();
        pieces.add(this.#address, this.#byteLength, this.#held);
        this.#batches.push(pieces);
        this.#forgetFirst();
      }
    }
    return this.#batches;
  }

  #forgetFirst(): void {
    this.#byteLength = 0;
    this.#held = undefined;
  }

  /** Posts the next send of it. The queue must not be empty. */
  post(socket: OverlappedSocket): void {
    const batches = this.#batches;
    if (batches === undefined) {
      this.#port.postSendAt(socket, this.#address, this.#byteLength, this.#held);
      this.#forgetFirst();
      return;
    }
    this.#port.postSendGathered(socket, batches[0] as Pieces);
    batches.shift();
    if (batches.length === 0) {
      this.#batches = undefined;
    }
  }

  /** Nothing of it will be sent. */
  clear(): void {
    if (this.#held instanceof Held) {
      this.#held.release();
    }
    this.#forgetFirst();
    for (const pieces of this.#batches ?? []) {
      pieces.release();
    }
    this.#batches = undefined;
    this.rest();
  }

  /** While nothing is written the queue holds no chunk. */
  rest(): void {
    this.progress = undefined;
    this.#chunk?.release();
    this.#chunk = undefined;
  }
}
