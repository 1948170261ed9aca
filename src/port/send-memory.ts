/**
 * Memory of sends. A small payload is copied into a block of ours, which costs less than asking for its address; a
 * large one stays where it is and is referenced until its send completes. A view of a pool buffer keeps that buffer.
 */

import { assert } from '../assert.js';
import { OperationError } from '../drivers/error.js';
import { addressOfBytes } from '../ffi/library.js';
import { Slab } from '../ffi/memory.js';
import type { BufferPool } from './buffer-pool.js';
import { Held } from './held.js';
import type { OperationTable } from './operations.js';

/** Payloads of up to this many bytes are copied. */
export const COPY_BYTES_MAX = 1024;

const BLOCKS_PER_CHUNK = 256;

/** The most chunks of copies, 16 MiB in all; beyond it each copy has memory of its own. */
const CHUNKS_MAX = 64;

/** What takes bytes at an address, with what must stay referenced for them: when that is counted, it is retained already. */
export interface PieceSink {
  add(address: number, byteLength: number, held: unknown): void;
}

/** Several payloads of one send, in order, and what must stay referenced for them. */
export class Pieces implements PieceSink {
  readonly addresses: number[] = [];
  readonly lengths: number[] = [];
  readonly held: unknown[] = [];
  byteLength = 0;

  get count(): number {
    return this.addresses.length;
  }

  /** Lengthens the last piece by bytes that follow it in the same memory, unless it would be more than `bytesMax` in all. */
  lengthen(address: number, byteLength: number, held: unknown, bytesMax: number): boolean {
    const last = this.addresses.length - 1;
    const end = (this.addresses[last] ?? 0) + (this.lengths[last] ?? 0);
    if (this.held[last] !== held || end !== address || this.byteLength + byteLength > bytesMax) {
      return false;
    }
    this.lengths[last] = (this.lengths[last] as number) + byteLength;
    this.byteLength += byteLength;
    return true;
  }

  /** Appends bytes at an address. */
  add(address: number, byteLength: number, held: unknown): void {
    this.addresses.push(address);
    this.lengths.push(byteLength);
    this.held.push(held);
    this.byteLength += byteLength;
  }

  /** They were sent, or never will be. */
  release(): void {
    for (const held of this.held) {
      if (held instanceof Held) {
        held.release();
      }
    }
  }
}

export class SendMemory {
  readonly #operations: OperationTable;
  readonly #pool: BufferPool;
  readonly #chunks: Slab[] = [];
  readonly #freeBlocks: number[] = [];

  constructor(operations: OperationTable, pool: BufferPool) {
    this.#operations = operations;
    this.#pool = pool;
  }

  /** The operation in `slot` sends these bytes. */
  hold(slot: number, bytes: Uint8Array): void {
    const operations = this.#operations;
    operations.byteLength[slot] = bytes.length;
    operations.bytesTaken[slot] = 0;
    const buffer = this.#pool.bufferOf(bytes);
    if (buffer !== undefined) {
      buffer.retain();
      operations.held[slot] = buffer;
      operations.address[slot] = this.#pool.addressOf(bytes);
      return;
    }
    const small = bytes.length <= COPY_BYTES_MAX;
    const block = small ? this.#takeBlock() : -1;
    if (block < 0) {
      const held = small ? new Uint8Array(bytes) : this.#pool.kept(bytes);
      operations.held[slot] = held;
      operations.address[slot] = addressOfBytes(held);
      return;
    }
    const chunk = this.#chunks[Math.floor(block / BLOCKS_PER_CHUNK)] as Slab;
    const offset = (block % BLOCKS_PER_CHUNK) * COPY_BYTES_MAX;
    chunk.u8.set(bytes, offset);
    operations.copyBlock[slot] = block;
    operations.address[slot] = chunk.address + offset;
  }

  /** The operation in `slot` sends several payloads, in order. */
  holdPieces(slot: number, payloads: readonly Uint8Array[]): void {
    this.#checkPieces(payloads);
    const pieces = new Pieces();
    for (const bytes of payloads) {
      this.gather(pieces, bytes);
    }
    this.holdGathered(slot, pieces);
  }

  /** Adds a payload to what is sent together, where it is. */
  gather(sink: PieceSink, bytes: Uint8Array): void {
    const buffer = this.#pool.bufferOf(bytes);
    if (buffer === undefined) {
      const kept = this.#pool.kept(bytes);
      sink.add(addressOfBytes(kept), kept.length, kept);
    } else {
      buffer.retain();
      sink.add(this.#pool.addressOf(bytes), bytes.length, buffer);
    }
  }

  /** The operation in `slot` sends pieces that were gathered before; it holds them from now on. */
  holdGathered(slot: number, pieces: Pieces): void {
    const operations = this.#operations;
    operations.held[slot] = pieces;
    operations.byteLength[slot] = pieces.byteLength;
    operations.bytesTaken[slot] = 0;
  }

  /** The operation in `slot` sends bytes at an address, and holds what keeps them there. */
  holdAt(slot: number, address: number, byteLength: number, held: unknown): void {
    const operations = this.#operations;
    operations.held[slot] = held;
    operations.byteLength[slot] = byteLength;
    operations.bytesTaken[slot] = 0;
    operations.address[slot] = address;
  }

  /** Before any of them is held, so that a wrong one leaves nothing behind. */
  #checkPieces(payloads: readonly Uint8Array[]): void {
    if (!Array.isArray(payloads) || !payloads.every((bytes) => bytes instanceof Uint8Array)) {
      throw new OperationError({
        code: 'ERR_INVALID_ARG_TYPE',
        reason: 'Expected a Uint8Array or an array of them',
        syscall: 'send',
      });
    }
    assert(
      payloads.every((bytes) => this.#pool.bufferOf(bytes)?.references !== 0),
      'Send of a receive buffer that is released',
    );
  }

  /** The send in `slot` has completed: its memory is free. */
  release(slot: number): void {
    const operations = this.#operations;
    const block = operations.copyBlock[slot] as number;
    if (block >= 0) {
      operations.copyBlock[slot] = -1;
      this.#freeBlocks.push(block);
      return;
    }
    const held = operations.held[slot];
    if (held instanceof Held || held instanceof Pieces) {
      held.release();
    }
  }

  /** Blocks that hold copies at this moment. */
  get blocksHeld(): number {
    return this.#chunks.length * BLOCKS_PER_CHUNK - this.#freeBlocks.length;
  }

  /** A free block, or -1. */
  #takeBlock(): number {
    const free = this.#freeBlocks.pop();
    if (free !== undefined) {
      return free;
    }
    if (this.#chunks.length === CHUNKS_MAX) {
      return -1;
    }
    const first = this.#chunks.length * BLOCKS_PER_CHUNK;
    this.#chunks.push(new Slab(BLOCKS_PER_CHUNK * COPY_BYTES_MAX));
    for (let block = first + BLOCKS_PER_CHUNK - 1; block > first; block--) {
      this.#freeBlocks.push(block);
    }
    return first;
  }
}
