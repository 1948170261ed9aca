/** Memory for gathered sends: a msghdr with its iovecs, held by the slot of the send until it completes. */

import { iovec, msghdr } from '../../ffi/linux/structs.js';
import { Slab } from '../../ffi/memory.js';
import { GATHER_PIECES_MAX, type Gather } from '../driver.js';

const BLOCK_BYTES = 64 + GATHER_PIECES_MAX * iovec.size;
const IOVECS_OFFSET = 64;

/** Blocks are kept and used again; there are as many as gathered sends were ever in flight together. */
export class MessageBlocks {
  readonly #free: Slab[] = [];
  readonly #held = new Map<number, Slab>();

  /** Writes a message for the send in `slot`; returns its address. */
  write(slot: number, gather: Gather): number {
    const block = this.#free.pop() ?? new Slab(BLOCK_BYTES);
    this.#held.set(slot, block);
    for (let index = 0; index < gather.count; index++) {
      const offset = IOVECS_OFFSET + index * iovec.size;
      block.setAddress(offset + iovec.iov_base, gather.addresses[index] as number);
      block.setAddress(offset + iovec.iov_len, gather.lengths[index] as number);
    }
    block.setAddress(msghdr.msg_iov, block.address + IOVECS_OFFSET);
    block.setAddress(msghdr.msg_iovlen, gather.count);
    return block.address;
  }

  /** The send in `slot` has completed. Does nothing for one that was not gathered. */
  release(slot: number): void {
    if (this.#held.size === 0) {
      return;
    }
    const block = this.#held.get(slot);
    if (block !== undefined) {
      this.#held.delete(slot);
      this.#free.push(block);
    }
  }
}
