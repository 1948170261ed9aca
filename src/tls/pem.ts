/** Keys, certificates and lists of revoked certificates, in PEM and PKCS #12, read as objects of the system's OpenSSL. */

import { Buffer } from 'node:buffer';
import { invalidType, misuse } from '../base/argument-errors.js';
import { assert } from '../base/assert.js';
import { addressOfBytes } from '../ffi/library.js';
import { keepUntilHere, Slab } from '../ffi/memory.js';
import type { OpenSsl } from '../ffi/openssl.js';
import type { ContextFunctions } from '../ffi/openssl-contexts.js';
import { takeError } from './errors.js';

/** The error at the end of a file: ERR_LIB_PEM and PEM_R_NO_START_LINE (openssl/pemerr.h), as OpenSSL 3 packs them. */
const NO_START_LINE = 9 * 2 ** 23 + 108;

/** OpenSSL reads a passphrase into memory of PEM_BUFSIZE bytes. */
const PASSPHRASE_BYTES_MAX = 1023;

const ENCRYPTED = /ENCRYPTED/;

/** Places of results in the scratch memory. */
const KEY = 0;
const CERTIFICATE = 8;
const OTHERS = 16;

/** A key with its certificate. They are valid during the call that gets them. */
export interface Identity {
  readonly key: number;
  readonly certificate: number;
  readonly others: readonly number[];
}

/** The bytes of an option. @throws TypeError `ERR_INVALID_ARG_TYPE` */
export function bytesOf(name: string, value: unknown): Buffer {
  if (typeof value === 'string') {
    return Buffer.from(value);
  }
  if (!ArrayBuffer.isView(value)) {
    throw invalidType(name, 'a string or bytes', value);
  }
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}

/** Text as C has it, with a 0 at its end. @throws TypeError */
export function textOf(name: string, value: unknown): Buffer {
  if (typeof value !== 'string') {
    throw invalidType(name, 'a string', value);
  }
  if (value.includes('\0')) {
    throw misuse(`${name}: a character 0 is in it`);
  }
  return Buffer.from(`${value}\0`);
}

function passphraseOf(value: unknown): Buffer {
  const text = textOf('passphrase', Buffer.isBuffer(value) ? value.toString() : value);
  if (text.length - 1 > PASSPHRASE_BYTES_MAX) {
    throw misuse(`passphrase: expected at most ${PASSPHRASE_BYTES_MAX} bytes, got ${text.length - 1}`);
  }
  return text;
}

export class PemReader {
  readonly #openssl: OpenSsl;
  readonly #contexts: ContextFunctions;
  readonly #scratch = new Slab(128);
  /** A passphrase of no characters: without one OpenSSL asks for it on the terminal. */
  readonly #noPassphrase = new Slab(8);

  constructor(openssl: OpenSsl, contexts: ContextFunctions) {
    this.#openssl = openssl;
    this.#contexts = contexts;
  }

  /** Calls `use` with each certificate, which is freed after it. @throws OperationError if there is none, or a wrong one */
  eachCertificate(pem: Buffer, use: (certificate: number, index: number) => void): void {
    const { PEM_read_bio_X509_AUX: read } = this.#contexts;
    this.#each(pem, read, this.#openssl.X509_free, use);
  }

  /** The same for lists of revoked certificates. */
  eachRevocationList(pem: Buffer, use: (list: number) => void): void {
    const { PEM_read_bio_X509_CRL: read, X509_CRL_free: free } = this.#contexts;
    this.#each(pem, read, free, use);
  }

  #each(
    pem: Buffer,
    read: (bio: number, into: number, callback: number, passphrase: number) => number,
    free: (object: number) => number,
    use: (object: number, index: number) => void,
  ): void {
    this.#reading(pem, (bio) => {
      for (let index = 0; ; index++) {
        const object = read(bio, 0, 0, this.#noPassphrase.address);
        if (object === 0) {
          this.#checkEnd(index);
          return;
        }
        try {
          use(object, index);
        } finally {
          free(object);
        }
      }
    });
  }

  /** Nothing more could be read: because the text has ended, or because it is wrong. */
  #checkEnd(count: number): void {
    if (count === 0 || Number(this.#contexts.ERR_peek_last_error()) !== NO_START_LINE) {
      throw takeError(this.#openssl, 'tls');
    }
    this.#openssl.ERR_clear_error();
  }

  /** Calls `use` with a private key, which is freed after it. @throws OperationError, TypeError */
  key(pem: Buffer, passphrase: unknown, use: (key: number) => void): void {
    if (passphrase === undefined && ENCRYPTED.test(pem.toString('latin1'))) {
      throw misuse('key: it is encrypted, and there is no passphrase');
    }
    const secret = passphraseOf(passphrase ?? '');
    this.#reading(pem, (bio) => {
      const key = this.#contexts.PEM_read_bio_PrivateKey(bio, 0, 0, addressOfBytes(secret));
      keepUntilHere(secret);
      this.#using(key, this.#contexts.EVP_PKEY_free, use);
    });
  }

  /** The same for the parameters of a Diffie-Hellman exchange. */
  parameters(pem: Buffer, use: (parameters: number) => void): void {
    this.#reading(pem, (bio) => {
      this.#using(this.#contexts.PEM_read_bio_Parameters(bio, 0), this.#contexts.EVP_PKEY_free, use);
    });
  }

  #using(object: number, free: (object: number) => number, use: (object: number) => void): void {
    if (object === 0) {
      throw takeError(this.#openssl, 'tls');
    }
    try {
      use(object);
    } finally {
      free(object);
    }
  }

  /** Calls `use` with what a file of PKCS #12 has; all of it is freed after that. @throws OperationError, TypeError */
  identity(pfx: Buffer, passphrase: unknown, use: (identity: Identity) => void): void {
    const secret = passphraseOf(passphrase ?? '');
    const { d2i_PKCS12_bio: read, PKCS12_free: free, PKCS12_parse: parse } = this.#contexts;
    const { address } = this.#scratch;
    this.#reading(pfx, (bio) => {
      this.#using(read(bio, 0), free, (file) => {
        this.#scratch.u8.fill(0);
        const done = parse(file, addressOfBytes(secret), address + KEY, address + CERTIFICATE, address + OTHERS);
        keepUntilHere(secret);
        if (done !== 1) {
          throw takeError(this.#openssl, 'tls');
        }
        this.#usingIdentity(use);
      });
    });
  }

  #usingIdentity(use: (identity: Identity) => void): void {
    const { OPENSSL_sk_num: count, OPENSSL_sk_value: valueAt, OPENSSL_sk_free: freeStack } = this.#contexts;
    const key = this.#scratch.addressAt(KEY);
    const certificate = this.#scratch.addressAt(CERTIFICATE);
    const stack = this.#scratch.addressAt(OTHERS);
    const others = Array.from({ length: stack === 0 ? 0 : count(stack) }, (_, index) => valueAt(stack, index));
    try {
      use({ key, certificate, others });
    } finally {
      this.#contexts.EVP_PKEY_free(key);
      for (const each of [certificate, ...others]) {
        this.#openssl.X509_free(each);
      }
      freeStack(stack);
    }
  }

  /** Calls `use` with a BIO that reads the bytes. */
  #reading(bytes: Buffer, use: (bio: number) => void): void {
    const { ERR_clear_error, BIO_new_mem_buf, BIO_free } = this.#openssl;
    ERR_clear_error();
    const bio = BIO_new_mem_buf(addressOfBytes(bytes), bytes.length);
    assert(bio !== 0);
    try {
      use(bio);
    } finally {
      BIO_free(bio);
      keepUntilHere(bytes);
    }
  }
}
