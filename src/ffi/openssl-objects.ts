/**
 * The objects of OpenSSL that a worker owns, in a list in OpenSSL's own memory. A terminated worker runs no more code, and
 * nothing else frees them: they belong to the process. The list outlives the worker, and the thread that has started it
 * frees what is in it, after the worker's thread has ended.
 *
 * An object joins the list after it was made, and leaves it before it is freed. A worker that dies in between leaks it;
 * none is freed twice.
 */

import { viewOf } from './library.js';
import { isLack, type OpenSsl, openSsl } from './openssl.js';
import { ownNotes } from './worker-table.js';

/** Addresses of objects are multiples of this, and their kind is added to them. */
const KINDS_MAX = 8;

export const SSL_OBJECT = 0;
export const SSL_CTX_OBJECT = 1;
export const BIO_OBJECT = 2;
export const X509_STORE_OBJECT = 3;

export type ObjectKind = typeof SSL_OBJECT | typeof SSL_CTX_OBJECT | typeof BIO_OBJECT | typeof X509_STORE_OBJECT;

/** A block of the list: the address of the next one, then objects. An entry is 0 where there is none. */
const BLOCK_ENTRIES = 1024;
const BLOCK_BYTES = 8 * BLOCK_ENTRIES;
const NEXT_BLOCK = 0;
const FIRST_OBJECT = 1;

/** An object that is not in the list: no thread would free it. */
const NOT_LISTED = -1;

function blockAt(address: number): Float64Array {
  return new Float64Array(viewOf(address, BLOCK_BYTES));
}

/** The objects of this thread. */
export class OwnedObjects {
  readonly #openssl: OpenSsl;
  readonly #began: (list: number) => void;
  readonly #isGuarded = ownNotes() !== undefined;
  readonly #blocks: Float64Array[] = [];
  /** Places of the list without an object. */
  readonly #free: number[] = [];

  /** @param began is called once, with the address of the list */
  constructor(openssl: OpenSsl, began: (list: number) => void) {
    this.#openssl = openssl;
    this.#began = began;
  }

  /** Lists an object of which this thread has a reference. @returns its place, for `remove` */
  add(object: number, kind: ObjectKind): number {
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
    (this.#blocks[Math.floor(place / BLOCK_ENTRIES)] as Float64Array)[place % BLOCK_ENTRIES] = object + kind;
    return place;
  }

  /** The reference is about to be given back. */
  remove(place: number): void {
    if (place !== NOT_LISTED) {
      (this.#blocks[Math.floor(place / BLOCK_ENTRIES)] as Float64Array)[place % BLOCK_ENTRIES] = 0;
      this.#free.push(place);
    }
  }

  #grow(): void {
    const address = this.#openssl.CRYPTO_zalloc(BLOCK_BYTES, 0, 0);
    if (address === 0) {
      return;
    }
    const last = this.#blocks.at(-1);
    const begin = this.#blocks.length * BLOCK_ENTRIES;
    this.#blocks.push(blockAt(address));
    for (let entry = BLOCK_ENTRIES - 1; entry >= FIRST_OBJECT; entry--) {
      this.#free.push(begin + entry);
    }
    if (last === undefined) {
      this.#began(address);
    } else {
      last[NEXT_BLOCK] = address;
    }
  }
}

let freed = 0;

/** How many objects of dead workers this thread has freed. */
export function freedForDead(): number {
  return freed;
}

/** Frees the objects of a worker whose thread has ended, and its list. */
export function freeObjectsOfDead(list: number): void {
  const openssl = openSsl();
  if (isLack(openssl)) {
    return;
  }
  for (let address = list; address !== 0; ) {
    const block = blockAt(address);
    for (let entry = FIRST_OBJECT; entry < BLOCK_ENTRIES; entry++) {
      freeObject(openssl, block[entry] as number);
    }
    const next = block[NEXT_BLOCK] as number;
    openssl.CRYPTO_free(address, 0, 0);
    address = next;
  }
}

function freeObject(openssl: OpenSsl, entry: number): void {
  if (entry === 0) {
    return;
  }
  const kind = entry % KINDS_MAX;
  const object = entry - kind;
  freed++;
  if (kind === SSL_OBJECT) {
    openssl.SSL_free(object);
  } else if (kind === SSL_CTX_OBJECT) {
    openssl.SSL_CTX_free(object);
  } else if (kind === X509_STORE_OBJECT) {
    openssl.contexts?.X509_STORE_free(object);
  } else {
    openssl.BIO_free(object);
  }
}
