/** Memory that is shared by counting references: the last release returns it. */

import { assert } from './assert.js';
import type { BorrowedBytes } from './bytes.js';

export abstract class RefCounted {
  /** @internal */
  references = 0;

  /** Adds a reference: each `retain` needs its own `release`. */
  retain(): void {
    assert(this.references > 0, 'Retain of a buffer that is released');
    this.references++;
  }

  /** Removes a reference. The last release returns the memory. */
  release(): void {
    assert(this.references > 0, 'Release of a buffer that is released');
    this.references--;
    if (this.references === 0) {
      this.returned();
    }
  }

  /** @internal The last reference was released. */
  protected abstract returned(): void;

  /** @internal A view of the bytes at an address in this memory, for drivers that cannot use addresses. */
  abstract bytesAt(address: number, byteLength: number): Uint8Array;
}

/** The part of `memory`, which begins at the address `start`, that begins at `address`. */
export function partAt<Memory extends Uint8Array>(
  memory: Memory,
  start: number,
  address: number,
  byteLength: number,
): Memory {
  const offset = address - start;
  assert(offset >= 0);
  assert(offset + byteLength <= memory.byteLength);
  return memory.subarray(offset, offset + byteLength) as Memory;
}

/** Allocated memory that the program does not have: after the last release it is garbage. */
export class OwnMemory extends RefCounted {
  readonly memory: Uint8Array;
  /** The address of its first byte. */
  readonly address: number;

  constructor(memory: Uint8Array, address: number) {
    super();
    this.memory = memory;
    this.address = address;
    this.references = 1;
  }

  protected override returned(): void {}

  override bytesAt(address: number, byteLength: number): Uint8Array {
    return partAt(this.memory, this.address, address, byteLength);
  }
}

/** The owner of the bytes of a send: counted memory of this package, or memory that the program can detach. */
export type MemoryOwner = RefCounted | BorrowedBytes;

/** Whether the memory of an owner still exists. */
export function isIntact(owner: MemoryOwner): boolean {
  return owner instanceof RefCounted || owner.isIntact;
}
