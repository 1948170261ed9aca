/**
 * Copies of borrowed memory, for drivers whose system reads the memory of a send between calls, too: the next bytes of each
 * send in flight, in memory of ours.
 */

import { assert } from '../../base/assert.js';
import { type ArenaBlock, BLOCK_BYTES_MAX, WriteArena } from './write-arena.js';

export class SendStages {
  readonly #arena = new WriteArena();
  /** The stage of each send that is with the driver, by its slot. */
  readonly #stages = new Map<number, ArenaBlock>();
  /** Where the last copy lies. */
  address = 0;

  /**
   * Copies bytes of the send in `slot` to its stage, as many as it has room for.
   * @param bytes where they are, from `offset` on
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
    // All of them were there when the send was begun, in this very call.
    assert(offset + copied <= bytes.length);
    memory.set(bytes.subarray(offset, offset + copied), used);
    this.address = stage.address + used;
    stage.used = used + copied;
    return copied;
  }

  /** The send in `slot` is not with the driver any more. */
  release(slot: number): void {
    const stage = this.#stages.get(slot);
    if (stage !== undefined) {
      this.#stages.delete(slot);
      stage.release();
    }
  }
}
