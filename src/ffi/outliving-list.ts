/**
 * A list of what a worker owns, in memory that outlives it, for the thread that has started the worker: a terminated worker
 * runs no more code. An entry joins the list after its resource was made, and leaves it before that is freed. A worker that
 * dies in between leaks the resource; none is freed twice.
 */

import { viewOf } from './library.js';
import { ownNotes } from './worker-table.js';

/** A block of the list: the address of the next one, then entries, which are 0 where there is none. */
const BLOCK_WORDS = 1024;
const NEXT_BLOCK = 0;
const FIRST_ENTRY = 1;

/** Bytes of a block, which is zeroed memory. */
export const LIST_BLOCK_BYTES = 8 * BLOCK_WORDS;

/** The place of an entry that is not in the list: no thread would read it, or there is no memory. */
export const NOT_LISTED = -1;

function blockAt(address: number): Float64Array {
  return new Float64Array(viewOf(address, LIST_BLOCK_BYTES));
}

export class OutlivingList {
  readonly #allocate: () => number;
  readonly #began: (list: number) => void;
  readonly #isGuarded = ownNotes() !== undefined;
  readonly #blocks: Float64Array[] = [];
  /** Places without an entry. */
  readonly #free: number[] = [];

  /**
   * @param allocate returns the address of a new block, 0 if there is no memory
   * @param began is called once, with the address of the list
   */
  constructor(allocate: () => number, began: (list: number) => void) {
    this.#allocate = allocate;
    this.#began = began;
  }

  /** @param entry not 0. @returns its place, for `remove` */
  add(entry: number): number {
    if (!this.#isGuarded) {
      return NOT_LISTED;
    }
    if (this.#free.length === 0) {
      this.#grow();
    }
    const place = this.#free.pop();
    if (place === undefined) {
      return NOT_LISTED;
    }
    this.#set(place, entry);
    return place;
  }

  remove(place: number): void {
    if (place !== NOT_LISTED) {
      this.#set(place, 0);
      this.#free.push(place);
    }
  }

  #set(place: number, entry: number): void {
    (this.#blocks[Math.floor(place / BLOCK_WORDS)] as Float64Array)[place % BLOCK_WORDS] = entry;
  }

  #grow(): void {
    const address = this.#allocate();
    if (address === 0) {
      return;
    }
    const last = this.#blocks.at(-1);
    const begin = this.#blocks.length * BLOCK_WORDS;
    this.#blocks.push(blockAt(address));
    for (let word = BLOCK_WORDS - 1; word >= FIRST_ENTRY; word--) {
      this.#free.push(begin + word);
    }
    if (last === undefined) {
      this.#began(address);
    } else {
      last[NEXT_BLOCK] = address;
    }
  }
}

/** The entries of a block of a dead thread's list, and the address of the next block, 0 after the last one. */
export function readBlock(address: number): { readonly entries: readonly number[]; readonly next: number } {
  const block = blockAt(address);
  const entries = [...block.subarray(FIRST_ENTRY)].filter((entry) => entry !== 0);
  return { entries, next: block[NEXT_BLOCK] as number };
}
