/** One TLS connection: an `SSL` of OpenSSL. It knows bytes and addresses, and nothing of sockets. */

import { Buffer } from 'node:buffer';
import { assert } from '../base/assert.js';
import type { OperationError } from '../base/errors.js';
import { addressOfBytes } from '../ffi/library.js';
import { keepUntilHere } from '../ffi/memory.js';
import { SSL_OBJECT } from '../ffi/openssl-objects.js';
import { uninterrupted } from '../ffi/worker-table.js';
import { addressOfContext, type SecureContext } from './context.js';
import { takeError, tlsError, verifyError } from './errors.js';
import type { HandshakeHooks, ProtocolList, TlsLibrary } from './library.js';
import type { RecordBuffer } from './record-memory.js';
import { RECORD_HANDSHAKE, RECORD_PLAIN_BYTES_MAX, type Records } from './records.js';

const SSL_ERROR_WANT_READ = 2;
const SSL_ERROR_ZERO_RETURN = 6;

const SSL_CTRL_MODE = 33;
/** Buffers of an idle connection are given back: they are 32 KiB. */
const SSL_MODE_RELEASE_BUFFERS = 0x10;
const SSL_OP_NO_RENEGOTIATION = 2 ** 30;

const SSL_CTRL_SET_TLSEXT_HOSTNAME = 55;
const TLSEXT_NAMETYPE_HOST_NAME = 0;

/**
 * Records without data (session tickets, key updates) that a peer may send one after the other. A server sends two tickets;
 * nobody needs so many.
 */
const CONTROL_RECORDS_MAX = 64;

/** The result of `read`. All connections of a thread use one object, which is valid until the next call. */
export interface Decrypted {
  /** The data of a record that began in earlier bytes: it comes first. */
  copied: Buffer | undefined;
  /** The memory that `copied` begins, with a reference for the caller; undefined if it is in memory of its own. */
  lent: RecordBuffer | undefined;
  /** How many bytes of data are at the beginning of the bytes that were read. */
  byteLength: number;
  /** The peer has sent close_notify: nothing follows. */
  ended: boolean;
  error: Error | undefined;
}

const decrypted: Decrypted = { copied: undefined, lent: undefined, byteLength: 0, ended: false, error: undefined };

/** `more`: bytes of the peer are needed. */
export type HandshakeStep = 'done' | 'more' | Error;

/** A session, and the ticket that the server has sent for it. */
export interface ShownSession {
  readonly bytes: Buffer;
  readonly ticket: Buffer | undefined;
}

let live = 0;

/** How many sessions of this thread are not freed. */
export function liveSessions(): number {
  return live;
}

export class TlsSession {
  readonly library: TlsLibrary;
  /** Held until the SSL is freed, because OpenSSL calls back into it. */
  readonly context: SecureContext;
  readonly side: 'server' | 'client';
  /** The address of the SSL; 0 once it is freed. */
  ssl: number;
  /** Its place among the objects of the thread. */
  readonly #place: number;
  /** The record that has begun and is not complete. */
  #begun: Records | undefined;
  #controlRecords = 0;
  /** Records without data that were read: among them are the tickets of a server. */
  controls = 0;
  /** Called after each of them, while its bytes are read: it must not use the connection. */
  onControl: (() => void) | undefined;
  /**
   * A message of the peer after the handshake, such as a ticket, has begun and is not complete. Until then OpenSSL writes
   * nothing: it would want to read the rest first.
   */
  awaitsRest = false;
  /** TLS 1.2: a handshake record is an attempt to renegotiate. */
  #old = false;

  constructor(library: TlsLibrary, context: SecureContext, side: 'server' | 'client') {
    const { openssl } = library;
    this.library = library;
    this.context = context;
    this.side = side;
    this.ssl = openssl.SSL_new(addressOfContext(context));
    if (this.ssl === 0) {
      throw takeError(openssl, 'tls');
    }
    this.#place = library.objects.add(this.ssl, SSL_OBJECT);
    live++;
    library.giveBios(this.ssl);
    openssl.SSL_ctrl(this.ssl, SSL_CTRL_MODE, SSL_MODE_RELEASE_BUFFERS, 0);
    openssl.SSL_set_options(this.ssl, SSL_OP_NO_RENEGOTIATION);
    if (side === 'server') {
      openssl.SSL_set_accept_state(this.ssl);
    } else {
      openssl.SSL_set_connect_state(this.ssl);
    }
  }

  /**
   * Goes on with the handshake.
   * @param hooks what OpenSSL may ask for meanwhile
   * @param bytes the peer's; the unread ones at their end, as `library.unread` says, are data
   */
  handshake(bytes: Buffer | undefined, hooks: HandshakeHooks): HandshakeStep {
    const { library, ssl } = this;
    const { openssl } = library;
    library.hooks = hooks;
    openssl.ERR_clear_error();
    library.offer(bytes === undefined ? 0 : addressOfBytes(bytes), bytes?.length ?? 0);
    // It may call back into JavaScript, where a thread that is terminated would end the process.
    const result = uninterrupted(() => openssl.SSL_do_handshake(ssl));
    keepUntilHere(bytes);
    if (result === 1) {
      this.#old = openssl.SSL_get_version(ssl) !== ('TLSv1.3' as unknown as number);
      return 'done';
    }
    return openssl.SSL_get_error(ssl, result) === SSL_ERROR_WANT_READ ? 'more' : this.#handshakeError();
  }

  #handshakeError(): Error {
    const { openssl } = this.library;
    const error = takeError(openssl, 'tls handshake');
    return error.code === 'ERR_SSL_CERTIFICATE_VERIFY_FAILED'
      ? verifyError(openssl, openssl.SSL_get_verify_result(this.ssl))
      : error;
  }

  /**
   * Decrypts received bytes in place: data never is longer than its records, so it is written over bytes that were read.
   * Only a record that began in earlier bytes has data that may not fit there.
   * @param memory with the bytes, of which all are used, and overwritten
   * @param start where they begin in it
   * @param address of the first
   */
  read(memory: Uint8Array, start: number, length: number, address: number): Decrypted {
    const { library } = this;
    decrypted.copied = undefined;
    decrypted.lent = undefined;
    decrypted.byteLength = 0;
    decrypted.ended = false;
    decrypted.error = undefined;
    let begun = this.#begun;
    const records = begun ?? library.scanner;
    let at = 0;
    for (;;) {
      const next = records.end(memory, start + at, start + length);
      if (next < 0) {
        break;
      }
      if (this.#old && records.type === RECORD_HANDSHAKE) {
        decrypted.error = tlsError('ERR_TLS_RENEGOTIATION_DISABLED', 'The peer wants to renegotiate', 'tls read');
        break;
      }
      const end = next - start;
      library.offer(address + at, end - at);
      if (begun !== undefined) {
        this.#begun = undefined;
        begun = undefined;
        this.#readCopied(records.size);
      } else {
        this.#readInPlace(address, end, true);
      }
      at = end;
      if (decrypted.error !== undefined || decrypted.ended) {
        break;
      }
    }
    if (at < length && decrypted.error === undefined && !decrypted.ended) {
      // The beginning of a record, or more of it, which OpenSSL keeps. It counts with its last bytes.
      this.#begun = library.keepScanner(records);
      library.offer(address + at, length - at);
      this.#readInPlace(address, length, false);
    }
    library.offer(0, 0);
    return decrypted;
  }

  #readInPlace(address: number, end: number, isWhole: boolean): void {
    const { byteLength } = decrypted;
    const count = this.library.openssl.SSL_read(this.ssl, address + byteLength, end - byteLength);
    if (count > 0) {
      assert(byteLength + count <= end);
      decrypted.byteLength = byteLength + count;
      this.#controlRecords = 0;
    } else {
      this.#noData(count, isWhole);
    }
  }

  #readCopied(size: number): void {
    const lent = this.library.records.take();
    if (lent === undefined) {
      this.#readOwn(size);
      return;
    }
    const count = this.library.openssl.SSL_read(this.ssl, lent.address, RECORD_PLAIN_BYTES_MAX);
    if (count > 0) {
      decrypted.copied = lent.view(count);
      decrypted.lent = lent;
      this.#controlRecords = 0;
    } else {
      lent.release();
      this.#noData(count, true);
    }
  }

  #readOwn(size: number): void {
    const memory = Buffer.allocUnsafeSlow(Math.max(1, Math.min(size, RECORD_PLAIN_BYTES_MAX)));
    const count = this.library.openssl.SSL_read(this.ssl, addressOfBytes(memory), memory.length);
    if (count > 0) {
      decrypted.copied = memory.subarray(0, count);
      this.#controlRecords = 0;
    } else {
      this.#noData(count, true);
    }
    keepUntilHere(memory);
  }

  /** A call of SSL_read has brought no data. @param isWhole it has read the last bytes of a record */
  #noData(result: number, isWhole: boolean): void {
    const { openssl } = this.library;
    let code = openssl.SSL_get_error(this.ssl, result);
    let error: OperationError | undefined;
    if (code !== SSL_ERROR_WANT_READ && code !== SSL_ERROR_ZERO_RETURN) {
      error = takeError(openssl, 'tls read');
      // Code of others may have left that error in the queue of the thread, which is empty now.
      code = openssl.SSL_get_error(this.ssl, result);
    }
    // A fatal alert has the same code once the queue is empty, but it leaves the SSL in the state of an error.
    if (code === SSL_ERROR_ZERO_RETURN && openssl.SSL_is_init_finished(this.ssl) === 1) {
      decrypted.ended = true;
    } else if (code !== SSL_ERROR_WANT_READ) {
      decrypted.error = error ?? takeError(openssl, 'tls read');
    } else if (isWhole) {
      this.#countControl();
    }
  }

  #countControl(): void {
    this.controls++;
    this.awaitsRest = this.library.openssl.SSL_is_init_finished(this.ssl) !== 1;
    this.onControl?.();
    if (++this.#controlRecords > CONTROL_RECORDS_MAX) {
      decrypted.error = tlsError(
        'ERR_TLS_CONTROL_FLOOD',
        `The peer has sent more than ${CONTROL_RECORDS_MAX} records without data one after the other`,
        'tls read',
      );
    }
  }

  /** Encrypts bytes; the records are what the library has `written`. @throws OperationError */
  write(address: number, byteLength: number): void {
    const { openssl } = this.library;
    const count = openssl.SSL_write(this.ssl, address, byteLength);
    if (count !== byteLength) {
      this.library.dropWritten();
      throw takeError(openssl, 'tls write');
    }
  }

  /** Writes close_notify. It can be called in any state. */
  closeNotify(): void {
    const { openssl } = this.library;
    openssl.SSL_shutdown(this.ssl);
    openssl.ERR_clear_error();
  }

  /**
   * Sets whether the peer must have a certificate, before the handshake.
   * @param mode that of SSL_set_verify
   * @param then what happens to a peer whose certificate is not verified
   */
  verify(mode: number, then: 'refuse' | 'go on'): void {
    const { openssl } = this.library;
    openssl.SSL_set_verify(this.ssl, mode, then === 'refuse' ? 0 : openssl.returnsOne);
  }

  /** On a server, before the handshake: only sessions with the same name are resumed. @param name of up to 32 bytes */
  limitSessions(name: string): void {
    const bytes = Buffer.from(name);
    const done = this.library.openssl.SSL_set_session_id_context(this.ssl, addressOfBytes(bytes), bytes.length);
    keepUntilHere(bytes);
    assert(done === 1);
  }

  /** How the verification of the peer's certificate has ended. */
  get verifyResult(): number {
    return this.library.openssl.SSL_get_verify_result(this.ssl);
  }

  /** Whether a session was resumed. */
  get resumed(): boolean {
    return this.library.openssl.SSL_session_reused(this.ssl) === 1;
  }

  /** Asks for a server's name (SNI), before the handshake. */
  askFor(servername: string): void {
    const name = Buffer.from(`${servername}\0`);
    this.library.openssl.SSL_ctrl(
      this.ssl,
      SSL_CTRL_SET_TLSEXT_HOSTNAME,
      TLSEXT_NAMETYPE_HOST_NAME,
      addressOfBytes(name),
    );
    keepUntilHere(name);
  }

  /** Offers protocols by ALPN, before the handshake. */
  offer({ address, byteLength }: ProtocolList): void {
    this.library.openssl.SSL_set_alpn_protos(this.ssl, address, byteLength);
  }

  /** Frees the SSL. Calling it again does nothing. */
  free(): void {
    const { ssl } = this;
    if (ssl !== 0) {
      this.ssl = 0;
      live--;
      this.library.objects.remove(this.#place);
      this.library.openssl.SSL_free(ssl);
    }
  }
}
