/**
 * The bytes that were borrowed last, and where they are: programs send the same bytes, or other parts of the same
 * memory, several times in a round. To find an address anew costs more than all else that a send of 64 KiB does in
 * JavaScript. An ArrayBuffer stays where it is until it is detached, and a detached one is never found here.
 */

import { type BorrowedBytes, memoryOf, offsetOf } from '../../base/bytes.js';
import { addressOfBytes } from '../../ffi/library.js';

export class RecentBytes {
  /** The program's view, which the owner has another one of. */
  #bytes: Uint8Array | undefined;
  #byteLength = 0;
  #owner: BorrowedBytes | undefined;
  #address = 0;
  #memory: ArrayBufferLike | undefined;
  /** The address of the memory's first byte. */
  #start = 0;

  /** Remembers bytes of which there are `byteLength`; returns their address. */
  add(bytes: Uint8Array, byteLength: number, owner: BorrowedBytes): number {
    const { view } = owner;
    const offset = offsetOf(view);
    const memory = memoryOf(view);
    if (memory !== this.#memory) {
      this.#start = addressOfBytes(view) - offset;
      this.#memory = memory;
    }
    this.#bytes = bytes;
    this.#byteLength = byteLength;
    this.#owner = owner;
    this.#address = this.#start + offset;
    return this.#address;
  }

  /** The owner of these bytes, if they were the last. They then begin at `address`. */
  ownerOf(bytes: Uint8Array, byteLength: number): BorrowedBytes | undefined {
    const same = bytes === this.#bytes && byteLength === this.#byteLength;
    // A view has no other length while its memory is whole, unless it follows the length of its memory.
    return same && this.#owner?.isIntact === true ? this.#owner : undefined;
  }

  get address(): number {
    return this.#address;
  }

  /** Whether the bytes are in the memory of the last ones. */
  isInSame(bytes: Uint8Array): boolean {
    return memoryOf(bytes) === this.#memory;
  }

  /** Keeps nothing alive from now on. */
  clear(): void {
    if (this.#memory !== undefined) {
      this.#bytes = undefined;
      this.#owner = undefined;
      this.#memory = undefined;
    }
  }
}
