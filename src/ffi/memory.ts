/**
 * Memory with a fixed address. V8 may keep small typed arrays on its moving heap, so all memory that the kernel reads
 * or writes is part of a slab: an ArrayBuffer whose address is taken once.
 */

import { assert } from '../base/assert.js';
import { addressOfBytes } from './library.js';

/** V8 keeps typed arrays of up to 64 bytes inside its heap, where they move; an ArrayBuffer above that never moves. */
const SLAB_BYTES_MIN = 128;

/** Words from the low half of a 64-bit field to its high half: every supported system is little-endian. */
export const HIGH_WORD = 1;

/** A block of zeroed memory that does not move. It lives as long as this object is referenced. */
export class Slab {
  /** Address of the first byte. */
  readonly address: number;
  /** Bytes of the block. */
  readonly byteLength: number;
  /** The memory as bytes. */
  readonly u8: Uint8Array;
  /** The memory as unsigned 16-bit numbers. */
  readonly u16: Uint16Array;
  /** The memory as signed 32-bit numbers. */
  readonly i32: Int32Array;
  /** The memory as unsigned 32-bit numbers. */
  readonly u32: Uint32Array;

  /**
   * @param byteLength size in bytes, rounded up to a multiple of eight
   * @param alignment of the address, in bytes, a power of two; 8 by default
   * @param allocate makes the memory. By default it is an ArrayBuffer, which can be detached: no program may get a view
   * of it
   */
  constructor(
    byteLength: number,
    alignment = 8,
    allocate: (byteLength: number) => ArrayBufferLike = (bytes) => new ArrayBuffer(bytes),
  ) {
    assert(Number.isSafeInteger(byteLength));
    assert(byteLength > 0);
    assert(alignment >= 8);
    assert((alignment & (alignment - 1)) === 0);
    // Not `& ~7`, which is limited to 32 bits.
    this.byteLength = Math.ceil(byteLength / 8) * 8;
    const memory = allocate(Math.max(this.byteLength, SLAB_BYTES_MIN) + alignment);
    const start = addressOfBytes(new Uint8Array(memory));
    const skipped = (alignment - (start % alignment)) % alignment;
    this.address = start + skipped;
    this.u8 = new Uint8Array(memory, skipped, this.byteLength);
    this.u16 = new Uint16Array(memory, skipped, this.byteLength / 2);
    this.i32 = new Int32Array(memory, skipped, this.byteLength / 4);
    this.u32 = new Uint32Array(memory, skipped, this.byteLength / 4);
    assert(this.address % alignment === 0);
  }

  /** Writes a 64-bit number, such as an address, at a byte offset that is a multiple of four. */
  setAddress(byteOffset: number, address: number): void {
    const index = byteOffset >> 2;
    this.u32[index] = address;
    this.u32[index + HIGH_WORD] = address / 0x1_0000_0000;
  }

  /**
   * Reads a 64-bit number below 2 ** 53, such as an address or a handle, at a byte offset that is a multiple of four.
   */
  addressAt(byteOffset: number): number {
    const index = byteOffset >> 2;
    return (this.u32[index] as number) + (this.u32[index + HIGH_WORD] as number) * 0x1_0000_0000;
  }
}

/**
 * A module's scratch memory, allocated at its first use: modules for Windows and Linux are loaded on both systems, and
 * addresses of the system exist only once koffi is loaded. The next use overwrites it.
 */
export function lazySlab(byteLength: number): () => Slab {
  let slab: Slab | undefined;
  return () => {
    slab ??= new Slab(byteLength);
    return slab;
  };
}

const kept = new WeakSet<object>();

/**
 * Keeps memory alive until this call, because the kernel still uses it. An address keeps nothing alive, and the garbage
 * collector may take what a variable refers to after the variable's last use.
 */
export function keepUntilHere(...memory: readonly (object | undefined)[]): void {
  // A WeakSet keeps nothing alive, but no optimizer can prove that the set is never read.
  for (const one of memory) {
    if (one !== undefined) {
      kept.add(one);
    }
  }
}
