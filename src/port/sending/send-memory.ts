/**
 * The memory of sends. A small payload is copied into a block, which costs less than looking up its address. A view of a
 * receive buffer retains that buffer. A large payload is borrowed: it stays where it is, and it is checked before each use of
 * its address, because JavaScript cannot prevent a program from detaching its own memory.
 */

import { invalidType } from '../../base/argument-errors.js';
import { assert } from '../../base/assert.js';
import { BorrowedBytes, isBytes, isShared, lengthOf, ownView, partOf } from '../../base/bytes.js';
import { isIntact, type MemoryOwner, OwnMemory, partAt, RefCounted } from '../../base/ref-counted.js';
import type { BorrowedMemory, SendBytes } from '../../drivers/driver.js';
import { addressOfBytes } from '../../ffi/library.js';
import { Slab } from '../../ffi/memory.js';
import { keepFramed } from '../../framing/framed-memory.js';
import type { BufferPool } from '../buffer-pool.js';
import type { OperationTable } from '../operations.js';
import { RecentBytes } from './recent-bytes.js';

/** Payloads of up to this many bytes are small: a copy costs less than koffi's call for their address. */
export const SMALL_BYTES_MAX = 1024;

const BLOCKS_PER_SLAB = 256;

/** The most slabs of copies, 16 MiB in all; beyond that each copy is allocated. */
const SLABS_MAX = 64;

/** Takes bytes at an address together with their owner. A reference-counted owner is already retained for it. */
export interface BufferSink {
  add(address: number, byteLength: number, owner: MemoryOwner): void;
}

/** The pieces of one send, in order, with their owners. */
export class SendVector implements BufferSink {
  readonly addresses: number[] = [];
  readonly lengths: number[] = [];
  readonly owners: MemoryOwner[] = [];
  byteLength = 0;
  /** Whether the program could detach any of them. */
  borrowed = false;

  get count(): number {
    return this.addresses.length;
  }

  /**
   * Extends the last piece by bytes that follow it in the same memory. Returns false when they do not follow it, or when the
   * vector would have more than `bytesMax` bytes.
   */
  lengthen(address: number, byteLength: number, owner: RefCounted, bytesMax: number): boolean {
    const last = this.addresses.length - 1;
    const end = (this.addresses[last] ?? 0) + (this.lengths[last] ?? 0);
    if (this.owners[last] !== owner || end !== address || this.byteLength + byteLength > bytesMax) {
      return false;
    }
    this.lengths[last] = (this.lengths[last] as number) + byteLength;
    this.byteLength += byteLength;
    return true;
  }

  /** Appends a piece. */
  add(address: number, byteLength: number, owner: MemoryOwner): void {
    this.addresses.push(address);
    this.lengths.push(byteLength);
    this.owners.push(owner);
    this.byteLength += byteLength;
    this.borrowed ||= !(owner instanceof RefCounted);
  }

  /** The pieces were sent, or never will be. */
  release(): void {
    for (const owner of this.owners) {
      if (owner instanceof RefCounted) {
        owner.release();
      }
    }
  }
}

function ownCopy(bytes: Uint8Array): OwnMemory {
  return ownerOf(new Uint8Array(ownView(bytes)));
}

/** The owner of memory that no program can detach. */
export function ownerOf(memory: Uint8Array): OwnMemory {
  return new OwnMemory(memory, addressOfBytes(memory));
}

function borrowedPart({ view }: BorrowedBytes, offset: number, byteLength: number): BorrowedBytes {
  return new BorrowedBytes(partOf(view, offset, byteLength));
}

/** Adds a payload in pieces. A reference-counted owner is retained once for it already. */
function addPieces(
  sink: BufferSink,
  address: number,
  byteLength: number,
  owner: MemoryOwner,
  pieceBytesMax: number,
): void {
  for (let offset = 0; offset < byteLength; offset += pieceBytesMax) {
    const pieceBytes = Math.min(pieceBytesMax, byteLength - offset);
    if (owner instanceof RefCounted) {
      if (offset > 0) {
        owner.retain();
      }
      sink.add(address + offset, pieceBytes, owner);
    } else {
      const whole = pieceBytes === byteLength;
      sink.add(address + offset, pieceBytes, whole ? owner : borrowedPart(owner, offset, pieceBytes));
    }
  }
}

export class SendMemory implements BorrowedMemory, SendBytes {
  readonly #operations: OperationTable;
  readonly #pool: BufferPool;
  readonly #slabs: Slab[] = [];
  readonly #freeBlocks: number[] = [];
  readonly #recent = new RecentBytes();

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
    const small = byteLength <= SMALL_BYTES_MAX;
    const block = small ? this.#takeBlock() : -1;
    if (block < 0) {
      const owner = small ? ownCopy(bytes) : this.#ownerOf(bytes);
      this.holdAt(slot, this.#addressOf(bytes, byteLength, owner), byteLength, owner);
      return;
    }
    const slab = this.#slabs[Math.floor(block / BLOCKS_PER_SLAB)] as Slab;
    const offset = (block % BLOCKS_PER_SLAB) * SMALL_BYTES_MAX;
    slab.u8.set(bytes, offset);
    const operations = this.#operations;
    operations.byteLength[slot] = byteLength;
    operations.bytesTaken[slot] = 0;
    operations.borrowed[slot] = 0;
    operations.copyBlock[slot] = block;
    operations.address[slot] = slab.address + offset;
  }

  /** The operation in `slot` sends several payloads, in order. */
  holdAll(slot: number, payloads: readonly Uint8Array[]): void {
    this.#checkPayloads(payloads);
    const vector = new SendVector();
    for (const bytes of payloads) {
      this.gather(vector, bytes);
    }
    this.holdVector(slot, vector);
  }

  /** Adds a payload to a vectored send without copying it, in pieces of at most `pieceBytesMax`. */
  gather(sink: BufferSink, bytes: Uint8Array, pieceBytesMax = Infinity): void {
    const byteLength = lengthOf(bytes);
    if (byteLength === 0 || this.gatherAgain(sink, bytes, byteLength, pieceBytesMax)) {
      return;
    }
    const buffer = this.#pool.bufferOf(bytes);
    if (buffer !== undefined) {
      buffer.retain();
      addPieces(sink, this.#pool.addressOf(bytes), byteLength, buffer, pieceBytesMax);
      return;
    }
    const owner = this.#ownerOf(bytes);
    addPieces(sink, this.#addressOf(bytes, byteLength, owner), byteLength, owner, pieceBytesMax);
  }

  /** The same for the program's bytes that were the last payload of this round; returns false if they were not. */
  gatherAgain(sink: BufferSink, bytes: Uint8Array, byteLength: number, pieceBytesMax: number): boolean {
    const owner = this.#recent.ownerOf(bytes, byteLength);
    if (owner === undefined) {
      return false;
    }
    addPieces(sink, this.#recent.address, byteLength, owner, pieceBytesMax);
    return true;
  }

  /** A round is over: payloads that are sent again are looked up again, as knowing them keeps their memory alive. */
  forgetRecent(): void {
    this.#recent.clear();
  }

  #addressOf(bytes: Uint8Array, byteLength: number, owner: MemoryOwner): number {
    if (owner instanceof BorrowedBytes) {
      return this.#recent.add(bytes, byteLength, owner);
    }
    return (owner as OwnMemory).address;
  }

  /** The owner of bytes that are not in a receive buffer of this port. */
  #ownerOf(bytes: Uint8Array): OwnMemory | BorrowedBytes {
    if (this.#recent.isInSame(bytes)) {
      return new BorrowedBytes(ownView(bytes));
    }
    if (this.#pool.isOfAnother(bytes)) {
      return ownCopy(bytes);
    }
    const view = ownView(bytes);
    keepFramed(view.buffer);
    return isShared(bytes) ? ownerOf(view) : new BorrowedBytes(view);
  }

  /** The operation in `slot` sends a vector, and releases it when it completes. */
  holdVector(slot: number, vector: SendVector): void {
    const operations = this.#operations;
    operations.owners[slot] = vector;
    operations.byteLength[slot] = vector.byteLength;
    operations.bytesTaken[slot] = 0;
    operations.borrowed[slot] = vector.borrowed ? 1 : 0;
  }

  /** The operation in `slot` sends bytes at an address, and releases their owner when it completes. */
  holdAt(slot: number, address: number, byteLength: number, owner: MemoryOwner): void {
    const operations = this.#operations;
    operations.owners[slot] = owner;
    operations.byteLength[slot] = byteLength;
    operations.bytesTaken[slot] = 0;
    operations.borrowed[slot] = owner instanceof RefCounted ? 0 : 1;
    operations.address[slot] = address;
  }

  /** Whether the memory of the send in `slot` is intact. */
  isOneWhole(slot: number): boolean {
    if (this.#operations.borrowed[slot] === 0) {
      return true;
    }
    const owner = this.#operations.owners[slot] as SendVector | MemoryOwner;
    return owner instanceof SendVector ? owner.owners.every(isIntact) : isIntact(owner);
  }

  /** Whether the memory of all sends is intact that were submitted together with the one in `slot`. */
  isWhole(slot: number): boolean {
    const lastWithDriver = this.#operations.lastWithDriver[slot];
    let each = slot;
    while (this.isOneWhole(each)) {
      if (each === lastWithDriver) {
        return true;
      }
      each = this.#operations.next[each] as number;
    }
    return false;
  }

  /** The bytes at an address in the memory of the send in `slot`, which is one piece of memory that is not borrowed. */
  bytesOf(slot: number, address: number, byteLength: number): Uint8Array {
    const owner = this.#operations.owners[slot] as RefCounted | undefined;
    return this.pieceAt(owner, slot, address, byteLength);
  }

  /** The same for one piece of a send, by its owner; a copy in a block has none. */
  pieceAt(owner: RefCounted | undefined, slot: number, address: number, byteLength: number): Uint8Array {
    if (owner !== undefined) {
      return owner.bytesAt(address, byteLength);
    }
    const block = this.#operations.copyBlock[slot] as number;
    assert(block >= 0);
    const slab = this.#slabs[Math.floor(block / BLOCKS_PER_SLAB)] as Slab;
    return partAt(slab.u8, slab.address, address, byteLength);
  }

  /** Checks all payloads before any of them is held, so that a wrong one leaves nothing to undo. */
  #checkPayloads(payloads: readonly Uint8Array[]): void {
    if (!Array.isArray(payloads) || !payloads.every(isBytes)) {
      throw invalidType('data', 'a Uint8Array or an array of them', payloads);
    }
    assert(
      payloads.every((bytes) => this.#pool.bufferOf(bytes)?.references !== 0),
      'Send of a receive buffer that is released',
    );
  }

  /** The send in `slot` has completed: its memory is released. */
  release(slot: number): void {
    const operations = this.#operations;
    const block = operations.copyBlock[slot] as number;
    if (block >= 0) {
      operations.copyBlock[slot] = -1;
      this.#freeBlocks.push(block);
      return;
    }
    const owner = operations.owners[slot];
    if (owner instanceof RefCounted || owner instanceof SendVector) {
      owner.release();
    }
  }

  /** Blocks that contain copies at this moment. */
  get blocksHeld(): number {
    return this.#slabs.length * BLOCKS_PER_SLAB - this.#freeBlocks.length;
  }

  /** Takes a free block; returns -1 when there is none and no more slabs are allowed. */
  #takeBlock(): number {
    const free = this.#freeBlocks.pop();
    if (free !== undefined) {
      return free;
    }
    if (this.#slabs.length === SLABS_MAX) {
      return -1;
    }
    const first = this.#slabs.length * BLOCKS_PER_SLAB;
    this.#slabs.push(new Slab(BLOCKS_PER_SLAB * SMALL_BYTES_MAX));
    for (let block = first + BLOCKS_PER_SLAB - 1; block > first; block--) {
      this.#freeBlocks.push(block);
    }
    return first;
  }
}
