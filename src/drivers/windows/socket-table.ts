/**
 * The sockets that a worker has open, in memory that outlives it: Windows knows no owner of a socket, so the thread that
 * has started the worker finds them here when it has died. A socket joins the table after it was opened and leaves it
 * before it is closed: a worker that dies in between leaks it, and none is closed twice.
 */

import { viewOf } from '../../ffi/library.js';
import type { Slab } from '../../ffi/memory.js';
import { HIGH_WORD } from '../../ffi/memory.js';
import { INVALID_SOCKET } from '../../ffi/windows/constants.js';
import { ownNotes, uninterrupted } from '../../ffi/worker-table.js';
import { trackSocketTable } from '../common/resources.js';
import { outlivingSlab } from './outliving-memory.js';

/** A block of the table: the address of the next one, then handles. An entry is 0 where there is none. */
const NEXT_BLOCK = 0;
const FIRST_HANDLE = 2;
const BLOCK_WORDS = 2048;
const BLOCK_HANDLES = BLOCK_WORDS - FIRST_HANDLE;
const BLOCK_BYTES = 4 * BLOCK_WORDS;

/** The sockets of this thread, of all its ports. */
class SocketTable {
  readonly #blocks: Slab[] = [];
  /** Places without a handle. */
  readonly #free: number[] = [];
  readonly #places = new Map<number, number>();

  add(handle: number): void {
    if (this.#free.length === 0) {
      this.#grow();
    }
    const place = this.#free.pop() as number;
    this.#places.set(handle, place);
    this.#set(place, handle);
  }

  remove(handle: number): void {
    const place = this.#places.get(handle);
    if (place !== undefined) {
      this.#places.delete(handle);
      this.#set(place, 0);
      this.#free.push(place);
    }
  }

  #set(place: number, handle: number): void {
    const { u32 } = this.#blocks[Math.floor(place / BLOCK_HANDLES)] as Slab;
    u32[FIRST_HANDLE + (place % BLOCK_HANDLES)] = handle;
  }

  #grow(): void {
    const first = this.#blocks.length * BLOCK_HANDLES;
    const block = outlivingSlab(BLOCK_BYTES);
    const last = this.#blocks.at(-1);
    this.#blocks.push(block);
    for (let place = first + BLOCK_HANDLES - 1; place >= first; place--) {
      this.#free.push(place);
    }
    if (last === undefined) {
      trackSocketTable(block.address);
    } else {
      last.setAddress(4 * NEXT_BLOCK, block.address);
    }
  }
}

/** Whether another thread would read the table. */
const isGuarded = ownNotes() !== undefined;

let table: SocketTable | undefined;

/** This thread was given a socket. Of a handle, 32 bits matter ("Interprocess Communication Between 32-bit and 64-bit"). */
export function ownSocket(handle: number): void {
  if (isGuarded) {
    table ??= new SocketTable();
    table.add(handle);
  }
}

/** Opens a socket by a call that returns its handle or INVALID_SOCKET. It is in the table before the thread can be terminated. */
export function openOwned(open: () => number): number {
  if (!isGuarded) {
    return open();
  }
  return uninterrupted(() => {
    const handle = open();
    if (handle !== INVALID_SOCKET) {
      ownSocket(handle);
    }
    return handle;
  });
}

/** The socket is about to be closed, or to be given away. */
export function disownSocket(handle: number): void {
  table?.remove(handle);
}

/** The sockets in the table of a dead thread, which begins at an address. */
export function socketsIn(address: number): readonly number[] {
  const sockets: number[] = [];
  for (let block = address; block !== 0; ) {
    const words = new Uint32Array(viewOf(block, BLOCK_BYTES));
    sockets.push(...words.subarray(FIRST_HANDLE).filter((handle) => handle !== 0));
    block = (words[NEXT_BLOCK] as number) + (words[NEXT_BLOCK + HIGH_WORD] as number) * 0x1_0000_0000;
  }
  return sockets;
}
