/**
 * Copies of borrowed memory, for drivers whose system reads the memory of a send between calls: the next bytes of each send in
 * flight are staged in blocks that no program can detach.
 */

import { assert } from '../../base/assert.js';
import { type ArenaBlock, BLOCK_BYTES_MAX, WriteArena } from './write-arena.js';

export class SendStages {
  readonly #arena = new WriteArena();
  /** The stage of each send that is with the driver, by slot. */
  readonly #stages = new Map<number, ArenaBlock>();
  /** The address of the last copy, and the block that it is in. */
  address = 0;
  block: ArenaBlock | undefined;

  /**
   * Copies bytes of the send in `slot` to its stage, as many as it has room for.
   * @param bytes the memory that they are in, from `offset` on
   * @returns how many were copied
   */
  copy(slot: number, bytes: Uint8Array, offset: number, byteLength: number): number {
    let stage = this.#stages.get(slot);
    if (stage === undefined) {
      stage = this.#arena.take(Math.min(byteLength, BLOCK_BYTES_MAX));
      this.#stages.set(slot, stage);
    }
    const { memory, used } = stage;
    const copied = Math.min(byteLength, memory.length - used);
    // The queue has just checked, in the same call, that the memory is intact.
    assert(offset + copied <= bytes.length);
    memory.set(bytes.subarray(offset, offset + copied), used);
    this.address = stage.address + used;
    this.block = stage;
    stage.used = used + copied;
    return copied;
  }

  /** The send in `slot` is no longer with the driver. */
  release(slot: number): void {
    const stage = this.#stages.get(slot);
    if (stage !== undefined) {
      this.#stages.delete(slot);
      this.block = undefined;
      stage.release();
    }
  }
}
