/** The TLS of a connection, as programs hold it. */

import type { Buffer } from 'node:buffer';
import type { X509Certificate } from 'node:crypto';
import { invalidType } from '../../base/argument-errors.js';
import { isBytes } from '../../base/bytes.js';
import { OperationError } from '../../base/errors.js';
import { aString, checkNumber } from '../../base/validate.js';
import type { TlsSession } from '../../tls/session.js';
import {
  alpnProtocolOf,
  type CipherInfo,
  cipherOf,
  keyingMaterialOf,
  peerCertificateOf,
  protocolOf,
  resumableSessionOf,
} from '../../tls/session-info.js';
import { SECURED, type SecureState } from './secure-state.js';

const MATERIAL_BYTES_MAX = 65_536;

/**
 * The TLS of a connection. After the connection's last handler was called, only `authorized`, `authorizationError`,
 * `servername`, and a certificate that was read before, are known.
 */
export class ConnectionTls {
  readonly #state: SecureState;
  #peerCertificate: X509Certificate | undefined;

  /** @internal */
  constructor(state: SecureState) {
    this.#state = state;
  }

  get #session(): TlsSession | undefined {
    const { phase, session } = this.#state;
    return session === undefined || session.ssl === 0 || phase < SECURED ? undefined : session;
  }

  /** The version of TLS: `TLSv1.3` or `TLSv1.2`. */
  get protocol(): string | undefined {
    const session = this.#session;
    return session && protocolOf(session);
  }

  /** The cipher, as `getCipher` of node:tls returns it. */
  get cipher(): CipherInfo | undefined {
    const session = this.#session;
    return session && cipherOf(session);
  }

  /** The protocol that both sides have chosen (ALPN); undefined if they have chosen none. */
  get alpnProtocol(): string | undefined {
    const session = this.#session;
    return session && alpnProtocolOf(session);
  }

  /** The server's name that the client has asked for (SNI); undefined if it has asked for none. */
  get servername(): string | undefined {
    return this.#state.servername;
  }

  /** Whether the peer's certificate was verified. On a server it is always false without `requestCert`. */
  get authorized(): boolean {
    return this.#state.authorized;
  }

  /** Why the peer is not authorized: a code such as `DEPTH_ZERO_SELF_SIGNED_CERT`; undefined if it is, or was not asked. */
  get authorizationError(): string | undefined {
    return this.#state.authorizationError;
  }

  /** The certificate that the peer has shown. */
  get peerCertificate(): X509Certificate | undefined {
    const session = this.#session;
    this.#peerCertificate ??= session && peerCertificateOf(session);
    return this.#peerCertificate;
  }

  /** Whether a session was resumed: its certificates were verified when it began. */
  get resumed(): boolean {
    return this.#session?.resumed ?? false;
  }

  /**
   * The session, for the option `tls.session` of a later `connect` to the same server; undefined while there is none: with
   * TLS 1.3 the server sends it after the handshake.
   */
  get session(): Buffer | undefined {
    const session = this.#session;
    return session && resumableSessionOf(session);
  }

  /**
   * Bytes that both ends can derive from the connection's secrets, and nobody else (RFC 5705).
   * @param byteLength how many, 1 to 65,536
   * @param label says what they are for
   * @throws OperationError `ERR_TLS_NOT_OPEN` before the handshake is done and after the close; TypeError
   * `ERR_INVALID_ARG_TYPE`; RangeError `ERR_OUT_OF_RANGE`
   */
  exportKeyingMaterial(byteLength: number, label: string, context?: Uint8Array): Buffer {
    checkNumber('byteLength', byteLength, { least: 1, most: MATERIAL_BYTES_MAX, whole: true });
    aString('label', label);
    if (context !== undefined && !isBytes(context)) {
      throw invalidType('context', 'bytes (Uint8Array)', context);
    }
    const session = this.#session;
    if (session === undefined) {
      throw new OperationError({
        code: 'ERR_TLS_NOT_OPEN',
        reason: 'The connection has no keys: its handshake is not done, or it is closed',
        syscall: 'tls',
      });
    }
    return keyingMaterialOf(session, byteLength, label, context);
  }
}
