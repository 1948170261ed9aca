/**
 * Memory of sends. A small payload is copied into a block of ours, which costs less than asking for its address. A view of a
 * pool buffer keeps that buffer. A large payload is borrowed: it stays where it is, and whether it is there still is looked
 * at before each use of its address, as JavaScript has no way to keep a program from detaching what it owns.
 */

import { invalidType } from '../../base/argument-errors.js';
import { assert } from '../../base/assert.js';
import { BorrowedBytes, isBytes, isShared, lengthOf, ownView, partOf } from '../../base/bytes.js';
import { isIntact, type MemoryOwner, OwnMemory, RefCounted } from '../../base/ref-counted.js';
import type { BorrowedMemory } from '../../drivers/driver.js';
import { addressOfBytes } from '../../ffi/library.js';
import { Slab } from '../../ffi/memory.js';
import type { BufferPool } from '../buffer-pool.js';
import type { OperationTable } from '../operations.js';
import type { OverlappedSocket } from '../socket.js';

/** Payloads of up to this many bytes are copied. */
export const COPY_BYTES_MAX = 1024;

const BLOCKS_PER_SLAB = 256;

/** The most chunks of copies, 16 MiB in all; beyond it each copy has memory of its own. */
const SLABS_MAX = 64;

/** What takes bytes at an address, with what keeps them: a counted holder is retained already. */
export interface BufferSink {
  add(address: number, byteLength: number, held: MemoryOwner): void;
}

/** Several payloads of one send, in order, and what must stay referenced for them. */
export class SendVector implements BufferSink {
  readonly addresses: number[] = [];
  readonly lengths: number[] = [];
  readonly owners: MemoryOwner[] = [];
  byteLength = 0;
  /** Whether the program can take any of them away. */
  borrowed = false;

  get count(): number {
    return this.addresses.length;
  }

  /** Lengthens the last piece by bytes that follow it in the same memory, unless it would be more than `bytesMax` in all. */
  lengthen(address: number, byteLength: number, held: RefCounted, bytesMax: number): boolean {
    const last = this.addresses.length - 1;
    const end = (this.addresses[last] ?? 0) + (this.lengths[last] ?? 0);
    if (this.owners[last] !== held || end !== address || this.byteLength + byteLength > bytesMax) {
      return false;
    }
    this.lengths[last] = (this.lengths[last] as number) + byteLength;
    this.byteLength += byteLength;
    return true;
  }

  /** Appends bytes at an address. */
  add(address: number, byteLength: number, held: MemoryOwner): void {
    this.addresses.push(address);
    this.lengths.push(byteLength);
    this.owners.push(held);
    this.byteLength += byteLength;
    this.borrowed ||= !(held instanceof RefCounted);
  }

  /** They were sent, or never will be. */
  release(): void {
    for (const held of this.owners) {
      if (held instanceof RefCounted) {
        held.release();
      }
    }
  }
}

function ownCopy(bytes: Uint8Array): OwnMemory {
  return new OwnMemory(new Uint8Array(ownView(bytes)));
}

function addressOfOwned(held: MemoryOwner): number {
  return addressOfBytes(held instanceof OwnMemory ? held.memory : (held as BorrowedBytes).view);
}

function borrowedPart({ view }: BorrowedBytes, offset: number, byteLength: number): BorrowedBytes {
  return new BorrowedBytes(partOf(view, offset, byteLength));
}

export class SendMemory implements BorrowedMemory {
  readonly #operations: OperationTable;
  readonly #pool: BufferPool;
  readonly #slabs: Slab[] = [];
  readonly #freeBlocks: number[] = [];

  constructor(operations: OperationTable, pool: BufferPool) {
    this.#operations = operations;
    this.#pool = pool;
  }

  /** The operation in `slot` sends these bytes. */
  hold(slot: number, bytes: Uint8Array): void {
    const byteLength = lengthOf(bytes);
    const buffer = this.#pool.bufferOf(bytes);
    if (buffer !== undefined) {
      buffer.retain();
      this.holdAt(slot, this.#pool.addressOf(bytes), byteLength, buffer);
      return;
    }
    const small = byteLength <= COPY_BYTES_MAX;
    const block = small ? this.#takeBlock() : -1;
    if (block < 0) {
      const held = small ? ownCopy(bytes) : this.#ownerOf(bytes);
      this.holdAt(slot, addressOfOwned(held), byteLength, held);
      return;
    }
    const chunk = this.#slabs[Math.floor(block / BLOCKS_PER_SLAB)] as Slab;
    const offset = (block % BLOCKS_PER_SLAB) * COPY_BYTES_MAX;
    chunk.u8.set(bytes, offset);
    const operations = this.#operations;
    operations.byteLength[slot] = byteLength;
    operations.bytesTaken[slot] = 0;
    operations.borrowed[slot] = 0;
    operations.copyBlock[slot] = block;
    operations.address[slot] = chunk.address + offset;
  }

  /** The operation in `slot` sends several payloads, in order. */
  holdAll(slot: number, payloads: readonly Uint8Array[]): void {
    this.#checkPayloads(payloads);
    const pieces = new SendVector();
    for (const bytes of payloads) {
      this.gather(pieces, bytes);
    }
    this.holdVector(slot, pieces);
  }

  /** Adds a payload to what is sent together, where it is, in pieces of at most `pieceBytesMax`. */
  gather(sink: BufferSink, bytes: Uint8Array, pieceBytesMax = Infinity): void {
    const byteLength = lengthOf(bytes);
    if (byteLength === 0) {
      return;
    }
    const buffer = this.#pool.bufferOf(bytes);
    const held = buffer ?? this.#ownerOf(bytes);
    const address = buffer === undefined ? addressOfOwned(held) : this.#pool.addressOf(bytes);
    buffer?.retain();
    for (let offset = 0; offset < byteLength; offset += pieceBytesMax) {
      const pieceBytes = Math.min(pieceBytesMax, byteLength - offset);
      if (held instanceof RefCounted) {
        if (offset > 0) {
          held.retain();
        }
        sink.add(address + offset, pieceBytes, held);
      } else {
        const whole = pieceBytes === byteLength;
        sink.add(address + offset, pieceBytes, whole ? held : borrowedPart(held, offset, pieceBytes));
      }
    }
  }

  /** What keeps bytes that are not in a buffer of this pool. */
  #ownerOf(bytes: Uint8Array): MemoryOwner {
    if (this.#pool.isOfAnother(bytes)) {
      return ownCopy(bytes);
    }
    const view = ownView(bytes);
    return isShared(bytes) ? new OwnMemory(view) : new BorrowedBytes(view);
  }

  /** The operation in `slot` sends pieces that were gathered before; it holds them from now on. */
  holdVector(slot: number, pieces: SendVector): void {
    const operations = this.#operations;
    operations.owners[slot] = pieces;
    operations.byteLength[slot] = pieces.byteLength;
    operations.bytesTaken[slot] = 0;
    operations.borrowed[slot] = pieces.borrowed ? 1 : 0;
  }

  /** The operation in `slot` sends bytes at an address, and holds what keeps them there. */
  holdAt(slot: number, address: number, byteLength: number, held: MemoryOwner): void {
    const operations = this.#operations;
    operations.owners[slot] = held;
    operations.byteLength[slot] = byteLength;
    operations.bytesTaken[slot] = 0;
    operations.borrowed[slot] = held instanceof RefCounted ? 0 : 1;
    operations.address[slot] = address;
  }

  /** Whether the memory of the one send in `slot` is there. */
  isOneWhole(slot: number): boolean {
    if (this.#operations.borrowed[slot] === 0) {
      return true;
    }
    const held = this.#operations.owners[slot] as SendVector | MemoryOwner;
    return held instanceof SendVector ? held.owners.every(isIntact) : isIntact(held);
  }

  /** The same of all sends that were handed to the driver together with that in `slot`. */
  isWhole(slot: number): boolean {
    const { lastWithDriver } = this.#operations.sockets[slot] as OverlappedSocket;
    let each = slot;
    while (this.isOneWhole(each)) {
      if (each === lastWithDriver) {
        return true;
      }
      each = this.#operations.next[each] as number;
    }
    return false;
  }

  /** Before any of them is held, so that a wrong one leaves nothing behind. */
  #checkPayloads(payloads: readonly Uint8Array[]): void {
    if (!Array.isArray(payloads) || !payloads.every(isBytes)) {
      throw invalidType('data', 'a Uint8Array or an array of them', payloads);
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
    const held = operations.owners[slot];
    if (held instanceof RefCounted || held instanceof SendVector) {
      held.release();
    }
  }

  /** Blocks that hold copies at this moment. */
  get blocksHeld(): number {
    return this.#slabs.length * BLOCKS_PER_SLAB - this.#freeBlocks.length;
  }

  /** A free block, or -1. */
  #takeBlock(): number {
    const free = this.#freeBlocks.pop();
    if (free !== undefined) {
      return free;
    }
    if (this.#slabs.length === SLABS_MAX) {
      return -1;
    }
    const first = this.#slabs.length * BLOCKS_PER_SLAB;
    this.#slabs.push(new Slab(BLOCKS_PER_SLAB * COPY_BYTES_MAX));
    for (let block = first + BLOCKS_PER_SLAB - 1; block > first; block--) {
      this.#freeBlocks.push(block);
    }
    return first;
  }
}
