/** Properties of a session: OpenSSL's answers in JavaScript's types. */

import { Buffer } from 'node:buffer';
import type { X509Certificate } from 'node:crypto';
import { addressOfBytes, viewOf } from '../ffi/library.js';
import { keepUntilHere, Slab } from '../ffi/memory.js';
import { textFrom } from '../ffi/openssl.js';
import { takeError, tlsError } from './errors.js';
import { lateCrypto } from './late-modules.js';
import type { TlsLibrary } from './library.js';
import type { TlsSession } from './session.js';

/** The cipher of a connection, as `getCipher` of node:tls. */
export interface CipherInfo {
  /** OpenSSL's name. */
  readonly name: string;
  /** The name in the standards of TLS. */
  readonly standardName: string;
  /** The oldest version of TLS that has it. */
  readonly version: string;
}

export function protocolOf({ library, ssl }: TlsSession): string {
  return textFrom(library.openssl.SSL_get_version(ssl)) ?? '';
}

export function cipherOf({ library: { openssl }, ssl }: TlsSession): CipherInfo {
  const cipher = openssl.SSL_get_current_cipher(ssl);
  const text = (name: number): string => textFrom(name) ?? '';
  return {
    name: text(openssl.SSL_CIPHER_get_name(cipher)),
    standardName: text(openssl.SSL_CIPHER_standard_name(cipher)),
    version: text(openssl.SSL_CIPHER_get_version(cipher)),
  };
}

/** An ALPN name has at most this many bytes. */
const ALPN_BYTES_MAX = 255;
const ALPN_DATA = 0;
const ALPN_LENGTH = 8;

/** The protocol that both sides have chosen by ALPN. */
export function alpnProtocolOf({ library: { openssl, scratch }, ssl }: TlsSession): string | undefined {
  openssl.SSL_get0_alpn_selected(ssl, scratch.address + ALPN_DATA, scratch.address + ALPN_LENGTH);
  const at = scratch.addressAt(ALPN_DATA);
  const length = scratch.u32[ALPN_LENGTH >> 2] as number;
  if (at === 0 || length === 0 || length > ALPN_BYTES_MAX) {
    return undefined;
  }
  return Buffer.from(new Uint8Array(viewOf(at, length))).toString();
}

/** Bytes that a function of OpenSSL writes in DER: called without memory it returns their length. */
function derOf(write: (pointerAt: number) => number, pointer: Slab): Buffer | undefined {
  const length = write(0);
  if (length <= 0) {
    return undefined;
  }
  const memory = Buffer.allocUnsafeSlow(length);
  pointer.setAddress(0, addressOfBytes(memory));
  const writtenBytes = write(pointer.address);
  keepUntilHere(memory);
  return writtenBytes === length ? memory : undefined;
}

/** The characters of a line of PEM. */
const PEM_LINE = /.{1,64}/g;

/**
 * A certificate of OpenSSL as an object of Node. Node looks for PEM in the bytes first, so DER that contains the PEM of
 * another certificate, in any of its fields, would be that one, which nobody has verified. PEM contains only base64.
 * @param address 0 for none
 */
export function certificateAt({ openssl, scratch }: TlsLibrary, address: number): X509Certificate | undefined {
  const der = address === 0 ? undefined : derOf((pointerAt) => openssl.i2d_X509(address, pointerAt), scratch);
  if (der === undefined) {
    return undefined;
  }
  const lines = der.toString('base64').replace(PEM_LINE, '$&\n');
  const { X509Certificate: Certificate } = lateCrypto();
  return new Certificate(`-----BEGIN CERTIFICATE-----\n${lines}-----END CERTIFICATE-----\n`);
}

/** The certificate that the peer has shown. */
export function peerCertificateOf({ library, ssl }: TlsSession): X509Certificate | undefined {
  const certificate = library.openssl.SSL_get1_peer_certificate(ssl);
  try {
    return certificateAt(library, certificate);
  } finally {
    library.openssl.X509_free(certificate);
  }
}

/** The session in DER, to resume it: of TLS 1.3 once the server has sent a ticket. */
export function resumableSessionOf(session: TlsSession): Buffer | undefined {
  return sessionOf(session, (address) => session.library.openssl.SSL_SESSION_is_resumable(address) === 1);
}

/** The session in DER, also if it cannot be resumed; undefined while there is none. */
export function sessionBytesOf(session: TlsSession): Buffer | undefined {
  return sessionOf(session, () => true);
}

function sessionOf(
  { library: { openssl, scratch }, ssl }: TlsSession,
  isFit: (address: number) => boolean,
): Buffer | undefined {
  const session = openssl.SSL_get1_session(ssl);
  if (session === 0) {
    return undefined;
  }
  try {
    return isFit(session) ? derOf((pointerAt) => openssl.i2d_SSL_SESSION(session, pointerAt), scratch) : undefined;
  } finally {
    openssl.SSL_SESSION_free(session);
  }
}

/** Makes a client resume a session. @throws OperationError for bytes that are none */
export function resume({ library: { openssl, scratch }, ssl }: TlsSession, der: Uint8Array): void {
  const memory = Buffer.from(der);
  scratch.setAddress(0, addressOfBytes(memory));
  const session = openssl.d2i_SSL_SESSION(0, scratch.address, memory.length);
  keepUntilHere(memory);
  if (session === 0) {
    openssl.ERR_clear_error();
    throw tlsError('ERR_TLS_INVALID_SESSION', 'The option tls.session is not the session of a connection', 'tls');
  }
  const taken = openssl.SSL_set_session(ssl, session);
  openssl.SSL_SESSION_free(session);
  if (taken !== 1) {
    throw takeError(openssl, 'tls');
  }
}

/** Bytes that both sides can derive, and nobody else (RFC 5705). @throws OperationError */
export function keyingMaterialOf(
  { library: { openssl }, ssl }: TlsSession,
  byteLength: number,
  label: string,
  context: Uint8Array | undefined,
): Buffer {
  const output = Buffer.allocUnsafeSlow(byteLength);
  // Slabs, as memory of no bytes has no address.
  const labelBytes = Buffer.from(label);
  const labelMemory = new Slab(Math.max(1, labelBytes.length));
  labelMemory.u8.set(labelBytes);
  const contextMemory = new Slab(Math.max(1, context?.length ?? 0));
  contextMemory.u8.set(context ?? []);
  const done = openssl.SSL_export_keying_material(
    ssl,
    addressOfBytes(output),
    byteLength,
    labelMemory.address,
    labelBytes.length,
    contextMemory.address,
    context?.length ?? 0,
    context === undefined ? 0 : 1,
  );
  keepUntilHere(output, labelMemory, contextMemory);
  if (done !== 1) {
    throw takeError(openssl, 'tls');
  }
  return output;
}
