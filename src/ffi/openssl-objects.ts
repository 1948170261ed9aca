/**
 * The objects of OpenSSL that a worker owns, in a list in OpenSSL's own memory: they belong to the process, so nothing else
 * frees them. The thread that has started the worker does, after the worker's thread has ended.
 */

import { isLack, type OpenSsl, openSsl } from './openssl.js';
import { LIST_BLOCK_BYTES, OutlivingList, readBlock } from './outliving-list.js';

/** Addresses of objects are multiples of this, and their kind is added to them. */
const KINDS_MAX = 8;

export const SSL_OBJECT = 0;
export const SSL_CTX_OBJECT = 1;
export const BIO_OBJECT = 2;
export const X509_STORE_OBJECT = 3;

export type ObjectKind = typeof SSL_OBJECT | typeof SSL_CTX_OBJECT | typeof BIO_OBJECT | typeof X509_STORE_OBJECT;

/** The objects of this thread. */
export class OwnedObjects {
  readonly #list: OutlivingList;

  /** @param began is called once, with the address of the list */
  constructor({ CRYPTO_zalloc }: OpenSsl, began: (list: number) => void) {
    this.#list = new OutlivingList(() => CRYPTO_zalloc(LIST_BLOCK_BYTES, 0, 0), began);
  }

  /** Lists an object of which this thread has a reference. @returns its place, for `remove` */
  add(object: number, kind: ObjectKind): number {
    return this.#list.add(object + kind);
  }

  /** The reference is about to be given back. */
  remove(place: number): void {
    this.#list.remove(place);
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
    const { entries, next } = readBlock(address);
    for (const entry of entries) {
      freeObject(openssl, entry);
    }
    openssl.CRYPTO_free(address, 0, 0);
    address = next;
  }
}

function freeObject(openssl: OpenSsl, entry: number): void {
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
