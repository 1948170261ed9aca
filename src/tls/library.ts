/**
 * The TLS connections of one thread share OpenSSL's functions and one pair of BIOs. OpenSSL reads and writes only during
 * calls that this thread makes, so each call borrows the pair: before the call, the read BIO is pointed at the bytes to
 * read, and after it, the written bytes are taken. A pair for each connection would cost 2 KiB a connection.
 *
 * The read BIO is a read-only memory BIO. OpenSSL takes bytes from it through its BUF_MEM (openssl/buffer.h), which is
 * mapped here, so pointing it at received bytes needs neither a call nor a copy.
 */

import { Buffer } from 'node:buffer';
import { assert } from '../base/assert.js';
import { reportUncaught } from '../base/throw-async.js';
import { trackList } from '../drivers/common/resources.js';
import { ForeignCallback, viewOf } from '../ffi/library.js';
import { Slab } from '../ffi/memory.js';
import type { OpenSsl } from '../ffi/openssl.js';
import { BIO_OBJECT, OwnedObjects } from '../ffi/openssl-objects.js';
import { requireOpenSsl } from './errors.js';
import { RecordMemory } from './record-memory.js';
import { Records } from './records.js';

/** BUF_MEM { size_t length; char *data; size_t max; unsigned long flags; }, in words of four bytes. */
const BUF_MEM_LENGTH = 0;
const BUF_MEM_DATA = 2;
const BUF_MEM_MAX = 4;
const BUF_MEM_BYTES = 24;

const BIO_CTRL_RESET = 1;
const BIO_C_GET_BUF_MEM_PTR = 115;
const BIO_C_SET_BUF_MEM_EOF_RETURN = 130;

const WORD_SIZE = 0x1_0000_0000;

const HIGH = 1;

/** The values of an ALPN callback (openssl/tls1.h). */
const SSL_TLSEXT_ERR_OK = 0;
const SSL_TLSEXT_ERR_ALERT_FATAL = 2;
const SSL_TLSEXT_ERR_NOACK = 3;

/** Protocols for ALPN, as they are in the extension: each after its length. */
export class ProtocolList {
  readonly byteLength: number;
  readonly #memory: Slab;

  /** @param names each of 1 to 255 bytes in the encoding */
  constructor(names: readonly string[], encoding: 'utf8' | 'latin1' = 'utf8') {
    const wire = Buffer.concat(
      names.flatMap((name) => {
        const bytes = Buffer.from(name, encoding);
        assert(bytes.length > 0 && bytes.length < 256);
        return [Buffer.from([bytes.length]), bytes];
      }),
    );
    this.byteLength = wire.length;
    this.#memory = new Slab(Math.max(8, wire.length));
    this.#memory.u8.set(wire);
  }

  get address(): number {
    return this.#memory.address;
  }
}

/** Used by OpenSSL's callbacks during a handshake. */
export interface HandshakeHooks {
  /** A server's protocols for ALPN. */
  readonly protocols: ProtocolList | undefined;
  /** Receives each line of the key log. */
  readonly keylog: ((line: string) => void) | undefined;
}

/** The words of the BUF_MEM of a memory BIO. */
function bufMemOf(openssl: OpenSsl, bio: number, scratch: Slab): Uint32Array {
  openssl.BIO_ctrl(bio, BIO_C_GET_BUF_MEM_PTR, 0, scratch.address);
  return new Uint32Array(viewOf(scratch.addressAt(0), BUF_MEM_BYTES));
}

export class TlsLibrary {
  readonly openssl: OpenSsl;
  /** The hooks of the handshake whose step is taken now. */
  hooks: HandshakeHooks | undefined;
  #chooseProtocol: ForeignCallback | undefined;
  #logKeys: ForeignCallback | undefined;
  /** Memory for results of calls. Each call overwrites it. */
  readonly scratch = new Slab(256);
  readonly records = new RecordMemory();
  /** Finds the ends of records for all sessions: only one with the beginning of a record keeps it. */
  scanner = new Records();
  /** The objects that the thread which has started this one frees if this one is terminated. */
  readonly objects: OwnedObjects;
  /** The read BIO points at it when nothing is to be read. */
  readonly #nothing = new Slab(128);
  readonly #readBio: number;
  readonly #writeBio: number;
  readonly #input: Uint32Array;
  readonly #output: Uint32Array;

  constructor(openssl: OpenSsl) {
    this.openssl = openssl;
    this.objects = new OwnedObjects(openssl, trackList);
    this.#readBio = openssl.BIO_new_mem_buf(this.#nothing.address, this.#nothing.byteLength);
    this.#writeBio = openssl.BIO_new(openssl.BIO_s_mem());
    assert(this.#readBio !== 0);
    assert(this.#writeBio !== 0);
    for (const bio of [this.#readBio, this.#writeBio]) {
      this.objects.add(bio, BIO_OBJECT);
      // No bytes mean that more may follow, not the end.
      openssl.BIO_ctrl(bio, BIO_C_SET_BUF_MEM_EOF_RETURN, -1, 0);
    }
    this.#input = bufMemOf(openssl, this.#readBio, this.scratch);
    this.#output = bufMemOf(openssl, this.#writeBio, this.scratch);
    // The layout of BUF_MEM is public, and this is the check that it is what OpenSSL uses.
    assert(this.#input[BUF_MEM_LENGTH] === this.#nothing.byteLength);
    assert(
      (this.#input[BUF_MEM_DATA] as number) + (this.#input[BUF_MEM_DATA + HIGH] as number) * WORD_SIZE ===
        this.#nothing.address,
    );
    assert(this.#output[BUF_MEM_LENGTH] === 0);
    this.offer(0, 0);
  }

  /** Gives a new SSL the pair. */
  giveBios(ssl: number): void {
    this.openssl.BIO_up_ref(this.#readBio);
    this.openssl.SSL_set0_rbio(ssl, this.#readBio);
    this.openssl.BIO_up_ref(this.#writeBio);
    this.openssl.SSL_set0_wbio(ssl, this.#writeBio);
  }

  /** The next call reads these bytes. @param address of the first; with no bytes it may be 0 */
  offer(address: number, byteLength: number): void {
    const input = this.#input;
    const at = byteLength === 0 ? this.#nothing.address : address;
    input[BUF_MEM_LENGTH] = byteLength;
    input[BUF_MEM_LENGTH + HIGH] = 0;
    input[BUF_MEM_DATA] = at;
    input[BUF_MEM_DATA + HIGH] = at / WORD_SIZE;
    input[BUF_MEM_MAX] = byteLength;
    input[BUF_MEM_MAX + HIGH] = 0;
  }

  /** A session keeps what it has used, because a record has begun. */
  keepScanner(used: Records): Records {
    if (used === this.scanner) {
      this.scanner = new Records();
    }
    return used;
  }

  /** How many of the offered bytes were not read. */
  get unread(): number {
    return this.#input[BUF_MEM_LENGTH] as number;
  }

  /** How many bytes the calls since the last `take` have written. */
  get written(): number {
    return this.#output[BUF_MEM_LENGTH] as number;
  }

  /**
   * Moves written bytes to an address. The whole of `written` must be moved, in one call or several, before another
   * connection is served.
   */
  take(address: number, byteLength: number): void {
    const taken = this.openssl.BIO_read(this.#writeBio, address, byteLength);
    assert(taken === byteLength);
  }

  /** Throws away what was written and is not taken: another connection would take it for its own. */
  dropWritten(): void {
    this.openssl.BIO_ctrl(this.#writeBio, BIO_CTRL_RESET, 0, 0);
    assert(this.written === 0);
  }

  /** All that was written is taken: the BIO is empty, and its memory is used again. */
  takenAll(): void {
    this.#output[BUF_MEM_LENGTH] = 0;
  }

  /**
   * The servers that use a context may choose a protocol by ALPN. OpenSSL has no way to do that but a callback, so it is
   * set only on contexts of servers that have protocols.
   */
  chooseProtocols(context: number): void {
    this.#chooseProtocol ??= new ForeignCallback(
      'int (int64_t ssl, int64_t out, int64_t outlen, int64_t offered, unsigned int offeredlen, int64_t arg)',
      (_ssl: number, out: number, outLength: number, offered: number, offeredLength: number) => {
        const protocols = this.hooks?.protocols;
        if (protocols === undefined) {
          return SSL_TLSEXT_ERR_NOACK;
        }
        const { address, byteLength } = protocols;
        const chosen = this.openssl.SSL_select_next_proto(out, outLength, address, byteLength, offered, offeredLength);
        return chosen === 1 ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
      },
    );
    this.openssl.SSL_CTX_set_alpn_select_cb(context, this.#chooseProtocol.address, 0);
  }

  /** The connections of a context may have a key log. */
  logKeys(context: number): void {
    this.#logKeys ??= new ForeignCallback('void (int64_t ssl, const char *line)', (_ssl: number, line: string) => {
      try {
        this.hooks?.keylog?.(line);
      } catch (error) {
        reportUncaught(error);
      }
    });
    this.openssl.SSL_CTX_set_keylog_callback(context, this.#logKeys.address);
  }
}

let own: TlsLibrary | undefined;

/** The library of this thread. @throws OperationError `ERR_TLS_UNAVAILABLE` */
export function tlsLibrary(): TlsLibrary {
  own ??= new TlsLibrary(requireOpenSsl());
  return own;
}
