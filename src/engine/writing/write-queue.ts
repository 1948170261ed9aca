/**
 * Bytes that a connection has written and not yet posted. Text, and bytes of up to `COPY_BYTES_MAX`, are copied into chunks,
 * where neighbours are one piece; larger bytes stay where they are; views of receive buffers keep their buffer. Most
 * connections write one piece in a turn, which needs no list.
 */

import { Buffer } from 'node:buffer';
import { memoryOf } from '../../base/bytes.js';
import type { LentBuffer } from '../../base/lent-memory.js';
import { type MemoryOwner, RefCounted } from '../../base/ref-counted.js';
import { GATHER_PIECES_MAX } from '../../drivers/driver.js';
import { isFramed } from '../../framing/framed-memory.js';
import type { CompletionPort } from '../../port/completion-port.js';
import { type BufferSink, ownerOf, SendVector } from '../../port/sending/send-memory.js';
import { ArenaBlock, BLOCK_BYTES, BLOCK_BYTES_MAX, type WriteArena } from '../../port/sending/write-arena.js';
import type { OverlappedSocket } from '../../port/socket.js';
import { UTF8_BYTES_PER_UNIT_MAX } from './payload.js';
import type { RoundBlock } from './round-block.js';
import type { SharedBytes } from './shared-bytes.js';

/**
 * Bytes of up to this size are copied when they are written: a program may fill its buffer again at once. For answers to
 * requests that cost nothing that could be measured up to 32 KiB, and twice the processor's time at 64 KiB.
 */
export const COPY_BYTES_MAX = 16 * 1024;

/**
 * The first small bytes of an idle queue go to a block that all queues of a round share, if it has room for this many: a block
 * for each of many connections is cold in the processor's caches. A slow connection keeps one such block at most.
 */
const SHARED_ROOM_BYTES = 1536;

/** The most bytes of one send. A larger one costs the system less for each byte, and other connections wait longer for it. */
export const SEND_BYTES_MAX = 512 * 1024;

/** Uses bytes that leave a queue, during the call. */
export interface PieceTaker {
  take(address: number, byteLength: number, owner: MemoryOwner): void;
}

export class WriteQueue implements BufferSink {
  readonly #port: CompletionPort;
  readonly #chunks: WriteArena;
  readonly #round: RoundBlock;
  /** The first piece, while it is the only one; otherwise no bytes, and nothing held. */
  #address = 0;
  #byteLength = 0;
  #held: MemoryOwner | undefined = undefined;
  /** Once there is a second piece: all of them, in batches of which each becomes one send. */
  #batches: SendVector[] | undefined;
  /** The chunk that is appended to: one holder is this queue. */
  #chunk: ArenaBlock | undefined;
  /** Bytes written that the system has not taken yet, those of a send in flight included. */
  queuedBytes = 0;
  /** How far sending was at the last look, see `sendProgress` of the port; undefined before the first. */
  progress: number | undefined = undefined;

  /** @param round the block that queues share during a round */
  constructor(port: CompletionPort, chunks: WriteArena, round: RoundBlock) {
    this.#port = port;
    this.#chunks = chunks;
    this.#round = round;
  }

  get empty(): boolean {
    return this.#byteLength === 0 && this.#batches === undefined;
  }

  /** Whether its bytes are in one place, if it has any. */
  get hasOnePiece(): boolean {
    return this.#batches === undefined;
  }

  /** Appends the first bytes of a lent buffer, which it keeps. */
  addLent(buffer: LentBuffer, byteLength: number): void {
    buffer.retain();
    this.add(buffer.address, byteLength, buffer);
  }

  /** Appends bytes that others send too; each piece keeps them. */
  addShared(shared: SharedBytes): void {
    this.addHeld(shared.address, shared.byteLength, shared.holder);
  }

  /** Appends bytes of `holder`, in as many sends as they need; each piece keeps it. */
  addHeld(address: number, byteLength: number, holder: RefCounted): void {
    for (let offset = 0; offset < byteLength; offset += SEND_BYTES_MAX) {
      this.#append(address + offset, Math.min(SEND_BYTES_MAX, byteLength - offset), holder);
    }
  }

  /** Appends bytes, of which there are `byteLength`. */
  addBytes(bytes: Uint8Array, byteLength: number): void {
    // Bytes that were written just before are not copied now if they were not then.
    if (byteLength > COPY_BYTES_MAX && this.#port.gatherAgain(this, bytes, byteLength, SEND_BYTES_MAX)) {
      return;
    }
    if (byteLength <= COPY_BYTES_MAX || this.#holdsTooMuch(bytes, byteLength)) {
      this.#addCopy(bytes, byteLength);
    } else {
      this.#port.gather(this, bytes, SEND_BYTES_MAX);
    }
  }

  /** Whether bytes would keep much more memory than they count while they wait. */
  #holdsTooMuch(bytes: Uint8Array, byteLength: number): boolean {
    if (this.#port.isLent(bytes)) {
      // A short pool needs its buffers more than the processor needs its time.
      return this.#port.poolShort;
    }
    const memory = memoryOf(bytes);
    return 2 * byteLength < memory.byteLength && isFramed(memory);
  }

  #addCopy(bytes: Uint8Array, byteLength: number): void {
    if (byteLength <= BLOCK_BYTES_MAX) {
      const chunk = this.#chunkWith(byteLength);
      chunk.memory.set(bytes, chunk.used);
      this.#addCopied(chunk, byteLength);
    } else {
      this.#addOwn(Buffer.from(bytes));
    }
  }

  /** Appends memory that has no other holder. */
  #addOwn(memory: Uint8Array): void {
    const holder = ownerOf(memory);
    this.addHeld(holder.address, memory.length, holder);
    holder.release();
  }

  /** Appends text as UTF-8; returns its bytes. */
  addText(text: string): number {
    let most = text.length * UTF8_BYTES_PER_UNIT_MAX;
    if (most > BLOCK_BYTES) {
      most = Buffer.byteLength(text);
      if (most > COPY_BYTES_MAX) {
        this.#addOwn(Buffer.from(text));
        return most;
      }
    }
    const chunk = this.#chunkWith(most);
    const byteLength = chunk.memory.write(text, chunk.used);
    this.#addCopied(chunk, byteLength);
    return byteLength;
  }

  /** Appends text, of which each character is one byte. */
  addLatin1(text: string): void {
    const { length } = text;
    if (length > COPY_BYTES_MAX) {
      this.#addOwn(Buffer.from(text, 'latin1'));
      return;
    }
    const chunk = this.#chunkWith(length);
    chunk.memory.write(text, chunk.used, 'latin1');
    this.#addCopied(chunk, length);
  }

  /** The block to append to, with room for `byteLength` bytes. */
  #chunkWith(byteLength: number): ArenaBlock {
    const chunk = this.#chunk ?? this.#sharedFor(byteLength);
    if (chunk !== undefined && chunk.used + byteLength <= chunk.memory.length) {
      return chunk;
    }
    const own = this.#chunks.take(byteLength);
    if (this.#chunk === undefined) {
      this.#moveTo(own, byteLength);
    } else {
      this.#chunk.release();
    }
    this.#chunk = own;
    return own;
  }

  /** Moves small bytes from a shared block to the queue's own: what is written next then lengthens their piece. */
  #moveTo(own: ArenaBlock, byteLength: number): void {
    const held = this.#held;
    const length = this.#byteLength;
    const fits = length <= SHARED_ROOM_BYTES && length + byteLength <= own.memory.length;
    if (held instanceof ArenaBlock && fits) {
      own.memory.set(held.bytesAt(this.#address, length));
      own.used = length;
      own.retain();
      held.release();
      this.#held = own;
      this.#address = own.address;
    }
  }

  /** The round's block, for the first small bytes of an idle queue, and for those that follow them in the same piece. */
  #sharedFor(byteLength: number): ArenaBlock | undefined {
    if (this.queuedBytes === 0 && this.empty) {
      return byteLength <= SHARED_ROOM_BYTES ? this.#round.withRoom(SHARED_ROOM_BYTES) : undefined;
    }
    const block = this.#round.current;
    return block !== undefined && this.#endsAt(block.address + block.used, block) ? block : undefined;
  }

  /** Whether the only piece ends there, in memory that `holder` keeps. */
  #endsAt(address: number, holder: RefCounted): boolean {
    return this.#held === holder && this.#address + this.#byteLength === address;
  }

  /** Bytes were copied to the end of the used part of a block. */
  #addCopied(chunk: ArenaBlock, byteLength: number): void {
    const address = chunk.address + chunk.used;
    chunk.used += byteLength;
    this.#append(address, byteLength, chunk);
  }

  /** Appends bytes that `holder` keeps: they lengthen the piece before them, if that ends where they begin. */
  #append(address: number, byteLength: number, holder: RefCounted): void {
    if (this.#batches === undefined) {
      const length = this.#byteLength + byteLength;
      if (this.#endsAt(address, holder) && length <= SEND_BYTES_MAX) {
        this.#byteLength = length;
        return;
      }
    } else if (this.#batches.at(-1)?.lengthen(address, byteLength, holder, SEND_BYTES_MAX) === true) {
      return;
    }
    holder.retain();
    this.add(address, byteLength, holder);
  }

  /** Appends a piece that is held already. */
  add(address: number, byteLength: number, held: MemoryOwner): void {
    if (this.empty) {
      this.#address = address;
      this.#byteLength = byteLength;
      this.#held = held;
    } else {
      this.#batchFor(byteLength).add(address, byteLength, held);
    }
  }

  /** The batch that has room for `byteLength` bytes more. */
  #batchFor(byteLength: number): SendVector {
    const batches = this.#listed();
    const last = batches.at(-1);
    if (last !== undefined && last.count < GATHER_PIECES_MAX && last.byteLength + byteLength <= SEND_BYTES_MAX) {
      return last;
    }
    const pieces = new SendVector();
    batches.push(pieces);
    return pieces;
  }

  /** The list of batches, with the first piece in it. */
  #listed(): SendVector[] {
    if (this.#batches === undefined) {
      this.#batches = [];
      if (this.#byteLength > 0) {
        const pieces = new SendVector();
        pieces.add(this.#address, this.#byteLength, this.#held as MemoryOwner);
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
      this.#port.postSendAt(socket, this.#address, this.#byteLength, this.#held as MemoryOwner);
      this.#forgetFirst();
      return;
    }
    this.#port.postSendVector(socket, batches[0] as SendVector);
    batches.shift();
    if (batches.length === 0) {
      this.#batches = undefined;
    }
  }

  /**
   * Hands bytes from the front to a taker, which uses them at once: they leave the queue, and their owners are released.
   * @returns how many
   * @throws what the taker throws
   */
  consume(bytesMax: number, taker: PieceTaker): number {
    let consumed = 0;
    while (consumed < bytesMax && !this.empty) {
      const batch = this.#batches?.[0];
      const left = bytesMax - consumed;
      consumed += batch === undefined ? this.#consumeFirst(left, taker) : this.#consumeOf(batch, left, taker);
    }
    return consumed;
  }

  #consumeFirst(bytesMax: number, taker: PieceTaker): number {
    const owner = this.#held as MemoryOwner;
    const byteLength = Math.min(this.#byteLength, bytesMax);
    taker.take(this.#address, byteLength, owner);
    if (byteLength < this.#byteLength) {
      this.#address += byteLength;
      this.#byteLength -= byteLength;
    } else {
      this.#forgetFirst();
      releaseOwner(owner);
    }
    return byteLength;
  }

  #consumeOf(batch: SendVector, bytesMax: number, taker: PieceTaker): number {
    const { addresses, lengths, owners } = batch;
    const address = addresses[0] as number;
    const length = lengths[0] as number;
    const owner = owners[0] as MemoryOwner;
    const byteLength = Math.min(length, bytesMax);
    taker.take(address, byteLength, owner);
    batch.byteLength -= byteLength;
    if (byteLength < length) {
      addresses[0] = address + byteLength;
      lengths[0] = length - byteLength;
    } else {
      addresses.shift();
      lengths.shift();
      owners.shift();
      releaseOwner(owner);
      if (batch.count === 0) {
        this.#batches?.shift();
        if (this.#batches?.length === 0) {
          this.#batches = undefined;
        }
      }
    }
    return byteLength;
  }

  /** A block with room for `byteLength` bytes after its used ones: write them there, and call `reserved`. */
  reserve(byteLength: number): ArenaBlock {
    return this.#chunkWith(byteLength);
  }

  /** Bytes were written to the block that `reserve` has returned. */
  reserved(block: ArenaBlock, byteLength: number): void {
    this.#addCopied(block, byteLength);
  }

  /** Drops everything. */
  clear(): void {
    releaseOwner(this.#held);
    this.#forgetFirst();
    for (const pieces of this.#batches ?? []) {
      pieces.release();
    }
    this.#batches = undefined;
    this.rest();
  }

  /** An empty queue holds no block. */
  rest(): void {
    this.queuedBytes = 0;
    this.progress = undefined;
    this.#chunk?.release();
    this.#chunk = undefined;
  }
}

function releaseOwner(owner: MemoryOwner | undefined): void {
  if (owner instanceof RefCounted) {
    owner.release();
  }
}
